"""Addresses of the pages of villages and Party organizations."""

from django.contrib import admin
from django.urls import URLPattern, path

from branches.views import decisions, life, units, village_file, villages

app_name = "branches"

page = admin.site.admin_view

urlpatterns: list[URLPattern] = [
    path("life/", page(life.life_list), name="life_list"),
    path("life/add/", page(life.life_add), name="life_add"),
    path("life/suggest/", page(life.life_suggest), name="life_suggest"),
    path("life/<int:pk>/", page(life.life_record), name="life"),
    path("life/<int:pk>/void/", page(life.life_void), name="life_void"),
    path("decisions/", page(decisions.decision_list), name="decision_list"),
    path("decisions/add/", page(decisions.decision_add), name="decision_add"),
    path("decisions/<int:pk>/", page(decisions.decision_record), name="decision"),
    path("decisions/<int:pk>/void/", page(decisions.decision_void), name="decision_void"),
    path("villages/", page(villages.village_list), name="village_list"),
    path("villages/<int:pk>/", page(villages.village), name="village"),
    path("villages/<int:pk>/file/", page(village_file.village_file), name="village_file"),
    path("units/add/", page(units.unit_add), name="unit_add"),
    path("units/<int:pk>/close/", page(units.unit_close), name="unit_close"),
    path("units/<int:pk>/merge/", page(units.unit_merge), name="unit_merge"),
    path("units/<int:pk>/class/", page(units.unit_classify), name="unit_classify"),
]

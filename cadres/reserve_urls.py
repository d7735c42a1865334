"""Addresses of the pages of the reserve."""

from django.contrib import admin
from django.urls import URLPattern, path

from cadres.views import reserve, reserve_boards, statistics

app_name = "reserve"

page = admin.site.admin_view

urlpatterns: list[URLPattern] = [
    path("reserve/", page(reserve.reserve_list), name="list"),
    path("reserve/add/", page(reserve.reserve_add), name="add"),
    path("reserve/<int:pk>/", page(reserve.reserve_entry), name="entry"),
    path("reserve/<int:pk>/assess/", page(reserve.reserve_assess), name="assess"),
    path("reserve/<int:pk>/<slug:name>/", page(reserve.reserve_move), name="move"),
    path("reserve/coverage/", page(reserve_boards.coverage), name="coverage"),
    path("reserve/funnel/", page(reserve_boards.funnel), name="funnel"),
    path("reserve/succession/", page(reserve_boards.succession_board), name="succession"),
    path("reserve/limits/", page(reserve.limits), name="limits"),
    path("statistics/", page(statistics.figures), name="statistics"),
    path("statistics/trainings/", page(statistics.trainings), name="trainings"),
]

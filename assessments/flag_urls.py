"""Addresses of the pages of the red flags."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import flag_rounds

guarded = admin.site.admin_view

_rounds: list[URLPattern] = [
    path("flags/rounds/", guarded(flag_rounds.flag_round_list), name="flag_round_list"),
    path("flags/rounds/new/", guarded(flag_rounds.flag_round_new), name="flag_round_new"),
    path("flags/rounds/<int:pk>/", guarded(flag_rounds.flag_round), name="flag_round"),
    path("flags/rounds/<int:pk>/edit/", guarded(flag_rounds.flag_round_edit), name="flag_round_edit"),
    path("flags/rounds/<int:pk>/open/", guarded(flag_rounds.flag_round_open), name="flag_round_open"),
    path("flags/rounds/<int:pk>/close/", guarded(flag_rounds.flag_round_close), name="flag_round_close"),
    path("flags/rounds/<int:pk>/categories/new/", guarded(flag_rounds.flag_category_new), name="flag_category_new"),
    path(
        "flags/rounds/<int:pk>/remove/<slug:kind>/<int:part_id>/",
        guarded(flag_rounds.flag_part_remove),
        name="flag_part_remove",
    ),
    path("flags/categories/<int:pk>/", guarded(flag_rounds.flag_category_edit), name="flag_category_edit"),
    path("flags/categories/<int:pk>/criteria/new/", guarded(flag_rounds.flag_criterion_new), name="flag_criterion_new"),
    path("flags/criteria/<int:pk>/", guarded(flag_rounds.flag_criterion_edit), name="flag_criterion_edit"),
]

flag_paths: list[URLPattern] = [*_rounds]

"""Addresses of the pages of the yearly assessment."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import year, year_discipline, year_entry, year_items, year_meetings, year_results

guarded = admin.site.admin_view

year_paths: list[URLPattern] = [
    path("year/", guarded(year.year_list), name="year_list"),
    path("year/new/", guarded(year.year_new), name="year_new"),
    path("year/villages/", guarded(year_results.year_villages), name="year_villages"),
    path("year/villages/<int:pk>/", guarded(year_results.village_year), name="village_year"),
    path("year/cadres/", guarded(year_results.year_cadres), name="year_cadres"),
    path("year/cadres/<int:pk>/", guarded(year_results.cadre_result), name="cadre_result"),
    path("year/cadres/<int:pk>/grade/", guarded(year_results.cadre_grade), name="cadre_grade"),
    path("year/proposals/", guarded(year_discipline.proposal_list), name="proposal_list"),
    path("year/proposals/<int:pk>/", guarded(year_discipline.proposal), name="proposal"),
    path("year/proposals/<int:pk>/take-up/", guarded(year_discipline.proposal_take_up), name="proposal_take_up"),
    path("year/proposals/<int:pk>/dismiss/", guarded(year_discipline.proposal_dismiss), name="proposal_dismiss"),
    path("year/meetings/", guarded(year_meetings.meeting_list), name="meeting_list"),
    path("year/meetings/new/", guarded(year_meetings.meeting_new), name="meeting_new"),
    path("year/meetings/<int:pk>/", guarded(year_meetings.meeting), name="meeting"),
    path("year/meetings/<int:pk>/edit/", guarded(year_meetings.meeting_edit), name="meeting_edit"),
    path("year/meetings/<int:pk>/confirm/", guarded(year_meetings.meeting_confirm), name="meeting_confirm"),
    path("year/items/", guarded(year_items.item_list), name="item_list"),
    path("year/items/<int:pk>/", guarded(year_items.item_edit), name="item_edit"),
    path("year/items/<int:pk>/close/", guarded(year_items.item_close), name="item_close"),
    path("year/<int:pk>/", guarded(year.year_detail), name="year"),
    path("year/<int:pk>/rules/", guarded(year.year_rules), name="year_rules"),
    path("year/<int:pk>/compute/", guarded(year.year_compute), name="year_compute"),
    path("year/<int:pk>/publish/", guarded(year.year_publish), name="year_publish"),
    path("year/<int:pk>/revise/", guarded(year.year_revise), name="year_revise"),
    path("year/<int:pk>/propose/", guarded(year.year_propose), name="year_propose"),
    path("year/<int:pk>/departments/", guarded(year_entry.year_departments), name="year_departments"),
    path("year/<int:pk>/satisfaction/", guarded(year_entry.year_surveys), name="year_surveys"),
    path("year/<int:pk>/people/", guarded(year_entry.year_people), name="year_people"),
    path("year/<int:pk>/items/new/", guarded(year_items.item_new), name="item_new"),
]

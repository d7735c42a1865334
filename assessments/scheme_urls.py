"""Addresses of schemes, months and holidays."""

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import calendar, scheme_parts, schemes

guarded = admin.site.admin_view

scheme_paths: list[URLPattern] = [
    path("schemes/", guarded(schemes.scheme_list), name="scheme_list"),
    path("schemes/new/", guarded(schemes.scheme_new), name="scheme_new"),
    path("schemes/<int:pk>/", guarded(scheme_parts.scheme), name="scheme"),
    path("schemes/<int:pk>/categories/", guarded(scheme_parts.scheme_categories), name="scheme_categories"),
    path("schemes/<int:pk>/indicators/new/", guarded(scheme_parts.scheme_indicator), name="scheme_indicator_new"),
    path("schemes/<int:pk>/indicators/<str:code>/", guarded(scheme_parts.scheme_indicator), name="scheme_indicator"),
    path("schemes/<int:pk>/items/", guarded(scheme_parts.scheme_items), name="scheme_items"),
    path("schemes/<int:pk>/items/new/", guarded(scheme_parts.scheme_item), name="scheme_item_new"),
    path("schemes/<int:pk>/items/<str:code>/", guarded(scheme_parts.scheme_item), name="scheme_item"),
    path("schemes/<int:pk>/remove/", guarded(scheme_parts.scheme_remove), name="scheme_remove"),
    path("schemes/<int:pk>/grades/", guarded(scheme_parts.scheme_grades), name="scheme_grades"),
    path("schemes/<int:pk>/calendar/", guarded(scheme_parts.scheme_calendar), name="scheme_calendar"),
    path("schemes/<int:pk>/examples/", guarded(scheme_parts.scheme_examples), name="scheme_examples"),
    path("schemes/<int:pk>/examples/new/", guarded(scheme_parts.scheme_example), name="scheme_example_new"),
    path("schemes/<int:pk>/examples/<int:number>/", guarded(scheme_parts.scheme_example), name="scheme_example"),
    path(
        "schemes/<int:pk>/examples/<int:number>/accept/",
        guarded(scheme_parts.scheme_example_accept),
        name="scheme_example_accept",
    ),
    path("schemes/<int:pk>/details/", guarded(scheme_parts.scheme_details), name="scheme_details"),
    path("schemes/<int:pk>/compare/", guarded(schemes.scheme_compare), name="scheme_compare"),
    path("schemes/<int:pk>/rehearsal/", guarded(schemes.scheme_rehearsal), name="scheme_rehearsal"),
    path("schemes/<int:pk>/publish/", guarded(schemes.scheme_publish), name="scheme_publish"),
    path("schemes/<int:pk>/copy/", guarded(schemes.scheme_copy), name="scheme_copy"),
    path("schemes/<int:pk>/undo/", guarded(schemes.scheme_undo), name="scheme_undo"),
    path("schemes/<int:pk>/discard/", guarded(schemes.scheme_discard), name="scheme_discard"),
    path("months/calendar/", guarded(calendar.period_calendar), name="period_calendar"),
    path("months/plan/", guarded(calendar.plan_year), name="period_plan"),
    path("months/<int:pk>/dates/", guarded(calendar.period_dates), name="period_dates"),
    path("holidays/", guarded(calendar.holiday_calendar), name="holidays"),
    path("holidays/remove/", guarded(calendar.holiday_remove), name="holiday_remove"),
]

"""Addresses of the pages of the red flags."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import flag_applications, flag_awards, flag_board, flag_meeting, flag_rounds, flag_sheets

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

_applications: list[URLPattern] = [
    path("flags/applications/", guarded(flag_applications.flag_list), name="flag_list"),
    path("flags/applications/<int:pk>/", guarded(flag_applications.flag_application), name="flag_application"),
    path("flags/applications/<int:pk>/review/", guarded(flag_applications.flag_review), name="flag_review"),
    path("flags/applications/<int:pk>/recheck/", guarded(flag_applications.flag_recheck), name="flag_recheck"),
    path("flags/applications/<int:pk>/resubmit/", guarded(flag_applications.flag_resubmit), name="flag_resubmit"),
    path("flags/applications/<int:pk>/withdraw/", guarded(flag_applications.flag_withdraw), name="flag_withdraw"),
    path("flags/applications/<int:pk>/return/", guarded(flag_applications.flag_return), name="flag_return"),
    path("flags/applications/<int:pk>/panel/", guarded(flag_meeting.flag_panel), name="flag_panel"),
    path("flags/applications/<int:pk>/object/", guarded(flag_meeting.flag_object), name="flag_object"),
    path("flags/rounds/<int:pk>/apply/", guarded(flag_applications.flag_apply), name="flag_apply"),
    path("flags/categories/<int:pk>/sheet/", guarded(flag_sheets.flag_sheet), name="flag_sheet"),
    path("flags/categories/<int:pk>/decide/", guarded(flag_meeting.flag_decide), name="flag_decide"),
    path("flags/rounds/<int:pk>/notice/", guarded(flag_meeting.flag_notice), name="flag_notice"),
    path("flags/objections/", guarded(flag_meeting.flag_objection_list), name="flag_objection_list"),
    path("flags/objections/<int:pk>/", guarded(flag_meeting.flag_objection), name="flag_objection"),
]

_awards: list[URLPattern] = [
    path("flags/rounds/<int:pk>/awards/", guarded(flag_awards.flag_awards_page), name="flag_awards"),
    path("flags/rounds/<int:pk>/awards/prepare/", guarded(flag_awards.flag_awards_prepare), name="flag_prepare"),
    path("flags/rounds/<int:pk>/awards/approve/", guarded(flag_awards.flag_awards_approve), name="flag_approve"),
    path("flags/rounds/<int:pk>/roll/", guarded(flag_awards.flag_roll), name="flag_roll"),
    path("flags/awards/<int:pk>/certificate/", guarded(flag_awards.flag_certificate), name="flag_certificate"),
    path("flags/revocations/", guarded(flag_awards.flag_revocation_list), name="flag_revocation_list"),
    path("flags/revocations/new/", guarded(flag_awards.flag_revocation_new), name="flag_revocation_new"),
    path("flags/revocations/<int:pk>/", guarded(flag_awards.flag_revocation), name="flag_revocation"),
]

flag_paths: list[URLPattern] = [
    path("flags/", guarded(flag_board.flag_board), name="flag_board"),
    *_rounds,
    *_applications,
    *_awards,
]

"""Every route × every role × own and foreign rows: what is open, what is closed, what does not exist.

A route that is neither in ROUTES nor in EXEMPT, and an admin that is not in ADMINS, fail
the first tests of this file: whoever adds a page writes down here who may open it.
Rule: docs/rules/scope.md. Ground and canaries: tests/scope_ground.py.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlencode

import time_machine
from django.apps import apps
from django.contrib import admin
from django.forms import ModelChoiceField
from django.http import HttpResponse
from django.test import Client, RequestFactory, TestCase
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import User
from accounts.roles import Role
from tests.assessments.month_ground import NOW
from tests.scope_ground import CANARIES, FOREIGN, OWN, Ground, build_ground

MISSING = 999_999_999
CLOSED = (403, 404)


@dataclass(frozen=True)
class Route:
    """Who may open a route. `open` names roles; every other role is refused.

    `of` is the kind of row in its address, `also` other parts that name a row of the same
    place. `posts`: it only takes POST, so one's own row is not tried by those who may (the
    page's own tests do that). `county_wide` says why rows of the whole county show to a township.
    """

    open: str
    of: str = ""
    key: str = "pk"
    posts: bool = False
    also: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    is_json: bool = False
    county_wide: str = ""


EVERYBODY = "SA AU CS CL TS CE RI LD VC"
BUSINESS = "CS CL TS CE RI"
FLAGS = f"{BUSINESS} LD"
EDIT = "CS TS"
PEOPLE = "CS CL TS RI"
"""Who sees cadres and the reserve."""

DRAFT = "CS CL RI"
"""A scheme that is not published is seen in the county office alone."""

YEAR = "CS CL TS CE RI LD"
"""Who finds the yearly assessment in the menu: a lead department enters its scores there."""

MONTH_OF_MONEY = {"month": date(2026, 10, 1)}
EDIT_OF_A_CELL = {"edits": [{"village": MISSING, "code": "A5.n", "base": None, "value": "9"}]}
RANKING = "a published ranking names every village of the county with its total and rank"

ROUTES: dict[str, Route] = {
    # villages, Party organizations, the tree
    "branches:life_list": Route(f"{BUSINESS} VC"),
    "branches:life_add": Route(EDIT),
    "branches:life_suggest": Route(EDIT, of="branch", key="?branch", query={"kind": "party_day"}),
    "branches:life": Route(f"{BUSINESS} VC", of="life"),
    "branches:life_void": Route(EDIT, of="life"),
    "branches:decision_list": Route(f"{BUSINESS} VC"),
    "branches:decision_add": Route(EDIT),
    "branches:decision": Route(f"{BUSINESS} VC", of="decision"),
    "branches:decision_void": Route(EDIT, of="decision"),
    "branches:village_list": Route(f"{BUSINESS} VC"),
    "branches:village": Route(f"{BUSINESS} VC", of="village"),
    "branches:village_file": Route(f"{BUSINESS} VC", of="village"),
    "branches:unit_add": Route("CS"),
    "branches:unit_close": Route("CS", of="village"),
    "branches:unit_merge": Route("CS", of="village"),
    "branches:unit_classify": Route("CS", of="village"),
    # people: posts, trainings, conduct, residents, talents
    "cadres:person_list": Route(PEOPLE),
    "cadres:person_add": Route(EDIT),
    "cadres:person_find": Route(EDIT, posts=True, body={"number": "000000197303172152"}),
    "cadres:person": Route(PEOPLE, of="person"),
    "cadres:person_edit": Route(EDIT, of="person"),
    "cadres:person_history": Route(PEOPLE, of="person"),
    "cadres:person_print": Route(PEOPLE, of="person"),
    "cadres:person_reveal": Route(EDIT, of="person", posts=True, body={"purpose": "pay", "note": "越权"}),
    "cadres:person_compare": Route(EDIT, of="person", posts=True, body={"number": "000000197303172152"}),
    "cadres:posting_add": Route(EDIT, of="person"),
    "cadres:posting_edit": Route(EDIT, of="posting"),
    "cadres:posting_end": Route(EDIT, of="posting"),
    "cadres:election": Route(EDIT, of="village"),
    "cadres:vacancy_list": Route(PEOPLE),
    "cadres:commendation_add": Route(EDIT, of="person"),
    "cadres:commendation": Route(EDIT, of="commendation"),
    "cadres:discipline_add": Route(EDIT, of="person"),
    "cadres:discipline": Route(PEOPLE, of="discipline"),
    "cadres:discipline_edit": Route(EDIT, of="discipline"),
    "cadres:discipline_check": Route(EDIT, of="discipline"),
    "cadres:discipline_extend": Route(EDIT, of="discipline"),
    "cadres:discipline_end": Route(EDIT, of="discipline"),
    "cadres:training_list": Route(PEOPLE, query={"year": ""}),
    "cadres:training_add": Route(EDIT),
    "cadres:training": Route(PEOPLE, of="training"),
    "cadres:training_edit": Route(EDIT, of="training"),
    "cadres:duty_list": Route(PEOPLE, query={"state": "all"}),
    "cadres:resident_list": Route(PEOPLE),
    "cadres:resident_add": Route(EDIT, of="person"),
    "cadres:resident": Route(PEOPLE, of="residency"),
    "cadres:resident_edit": Route(EDIT, of="residency"),
    "cadres:resident_leave": Route(EDIT, of="residency"),
    "cadres:resident_check": Route(EDIT, of="residency"),
    "cadres:resident_end": Route(EDIT, of="residency"),
    "cadres:talent_list": Route(PEOPLE),
    "cadres:talent_add": Route(EDIT, of="person"),
    "cadres:talent_edit": Route(EDIT, of="talent"),
    "cadres:talent_withdraw": Route(EDIT, of="talent"),
    # the reserve
    "reserve:list": Route(PEOPLE),
    "reserve:add": Route(EDIT, of="village", key="?village"),
    "reserve:entry": Route(PEOPLE, of="reserve entry"),
    "reserve:move": Route(EDIT, of="reserve entry", extra={"name": "remove"}),
    "reserve:assess": Route(EDIT, of="reserve entry"),
    "reserve:coverage": Route(PEOPLE, query={"level": "1"}),
    "reserve:funnel": Route(PEOPLE, query={"step": "stock"}),
    "reserve:succession": Route(PEOPLE),
    "reserve:limits": Route(PEOPLE),
    "reserve:trainings": Route(PEOPLE),
    "reserve:statistics": Route(PEOPLE, query={"figure": "people"}),
    # rosters on their way in: seen by who may write such rows there, worked on by who uploaded them
    "imports:list": Route("CS TS CE"),
    "imports:upload": Route("CS TS CE", posts=True),
    "imports:batch": Route(EDIT, of="import"),
    "imports:progress": Route(EDIT, of="import"),
    "imports:columns": Route("TS", of="import"),
    "imports:repair": Route("TS", of="import", posts=True),
    "imports:left": Route("TS", of="import", posts=True),
    "imports:apply": Route("TS", of="import", posts=True),
    "imports:undo": Route("TS", of="import", posts=True),
    "imports:give_up": Route("TS", of="import", posts=True),
    "imports:table": Route("TS", of="import"),
    "imports:workbook": Route("TS", of="import"),
    "imports:workbook_progress": Route("TS", of="import"),
    "imports:workbook_file": Route("TS", of="import", posts=True),
    # lists on their way out: everybody's own files; identity numbers past the limit wait for a county leader
    "exports:list": Route(BUSINESS),
    "exports:rows": Route(BUSINESS),
    "exports:new": Route(BUSINESS, query={"list": "units"}),
    "exports:save_columns": Route(BUSINESS, query={"list": "units"}, posts=True),
    "exports:delete_columns": Route("TS", of="columns", query={"list": "units"}, posts=True),
    "exports:file": Route("TS", of="export", posts=True),
    "exports:approvals": Route("CL"),
    "exports:decide": Route("CL", of="export", posts=True),
    "exports:blank_list": Route("CS TS CE"),
    "exports:blank": Route(EDIT, of="township", extra={"sheet": "units"}),
    # one's own work
    "search": Route(EVERYBODY, query={"q": "无"}),
    "admin:index": Route(EVERYBODY, county_wide=RANKING),
    "assessments:todo": Route(EVERYBODY),
    "accounts:job": Route("SA", of="job", key="job_id"),
    "accounts:job_cancel": Route("SA", of="job", key="job_id", posts=True),
    # the month: entry
    "assessments:return_list": Route(BUSINESS),
    "assessments:grid": Route(BUSINESS, of="return"),
    "assessments:grid_cells": Route(EDIT, of="return", posts=True, body=EDIT_OF_A_CELL, is_json=True),
    "assessments:grid_submit": Route("TS", of="return", posts=True),
    "assessments:grid_withdraw": Route("TS", of="return", posts=True),
    "assessments:grid_difference": Route(BUSINESS, of="return"),
    "assessments:grid_history": Route(BUSINESS, of="return"),
    "assessments:grid_template": Route(BUSINESS, of="return"),
    # the month: review
    "assessments:review_list": Route("CS"),
    "assessments:review": Route("CS", of="return"),
    "assessments:review_cells": Route("CS", of="return", posts=True),
    "assessments:review_decide": Route("CS", of="return", posts=True),
    "assessments:review_accept_clean": Route("CS", of="period", key="period_id", posts=True),
    "assessments:unlock_ask": Route(EDIT, of="return", posts=True),
    "assessments:unlock_decide": Route("CL", of="unlock", posts=True),
    # pay
    "assessments:pay": Route(PEOPLE),
    "assessments:pay_prepare": Route("CS", posts=True, body={"month": "2026-13"}),
    "assessments:pay_approve": Route("CL"),
    "assessments:pay_forecast": Route("CS CL RI"),
    "assessments:pay_lines": Route(PEOPLE),
    "assessments:pay_line": Route(PEOPLE, of="pay line"),
    "assessments:pay_sheet": Route(PEOPLE, of="pay sheet"),
    "assessments:pay_sign": Route("TS", of="pay sheet", posts=True),
    "assessments:pay_return": Route("CL TS", of="pay sheet", posts=True),
    "assessments:pay_export": Route("CS", of="pay sheet", posts=True),
    "assessments:pay_workbook": Route("CS", of="pay sheet", posts=True),
    "assessments:pay_read_back": Route("CS", of="pay sheet", posts=True),
    "assessments:pay_terms": Route(PEOPLE),
    "assessments:pay_rates_new": Route("CS"),
    "assessments:pay_rules_new": Route("CS"),
    "assessments:pay_terms_approve": Route("CL"),
    "assessments:pay_rate_discard": Route("CS", of="rate", posts=True),
    "assessments:pay_rules_discard": Route("CS", of="rules", posts=True),
    # the year
    "assessments:year_list": Route(YEAR),
    "assessments:year_new": Route("CS"),
    "assessments:year": Route(BUSINESS, of="year"),
    "assessments:year_rules": Route("CS", of="year"),
    "assessments:year_compute": Route("CS", of="year", posts=True),
    "assessments:year_publish": Route("CL", of="year", posts=True),
    "assessments:year_revise": Route("CS", of="year", posts=True),
    "assessments:year_propose": Route("CS", of="year", posts=True),
    "assessments:year_departments": Route("CS LD", of="year"),
    "assessments:year_surveys": Route("CS", of="year"),
    "assessments:year_people": Route(EDIT, of="year"),
    "assessments:year_villages": Route(BUSINESS),
    "assessments:village_year": Route(BUSINESS, of="village year"),
    "assessments:year_cadres": Route(PEOPLE),
    "assessments:cadre_result": Route(PEOPLE, of="cadre result"),
    "assessments:cadre_grade": Route("CS", of="cadre result", posts=True),
    "assessments:proposal_list": Route(PEOPLE, query={"state": "all"}),
    "assessments:proposal": Route(PEOPLE, of="proposal"),
    "assessments:proposal_take_up": Route(EDIT, of="proposal"),
    "assessments:proposal_dismiss": Route(EDIT, of="proposal"),
    "assessments:meeting_list": Route(PEOPLE),
    "assessments:meeting_new": Route(EDIT),
    "assessments:meeting": Route(PEOPLE, of="comment meeting"),
    "assessments:meeting_edit": Route(EDIT, of="comment meeting"),
    "assessments:meeting_confirm": Route("CS CL", of="comment meeting", posts=True),
    "assessments:item_list": Route(BUSINESS),
    "assessments:item_new": Route(EDIT, of="year"),
    "assessments:item_edit": Route(EDIT, of="year item"),
    "assessments:item_close": Route(EDIT, of="year item"),
    # collective economy
    "collective_economy:ledger": Route(BUSINESS, query={"year": ""}),
    "collective_economy:month_close": Route("CS CL CE"),
    "collective_economy:ledger_month": Route(BUSINESS, of="village", extra=MONTH_OF_MONEY),
    "collective_economy:ledger_enter": Route("CS CE", of="village", extra=MONTH_OF_MONEY, posts=True),
    "collective_economy:ledger_statement": Route("CS CE", of="village", extra=MONTH_OF_MONEY, posts=True),
    "collective_economy:ledger_close": Route("CS CL", of="village", extra=MONTH_OF_MONEY, posts=True),
    "collective_economy:ledger_entry": Route(BUSINESS, of="ledger"),
    "collective_economy:ledger_entry_reverse": Route("CS CE", of="ledger"),
    "collective_economy:bands": Route(BUSINESS),
    "collective_economy:bands_set": Route("CS"),
    "collective_economy:targets": Route(BUSINESS),
    "collective_economy:targets_enter": Route("CS CE"),
    "collective_economy:village": Route(BUSINESS, of="village"),
    "collective_economy:village_plan_add": Route("CS CE", of="village"),
    "collective_economy:village_plan": Route("CS CE", of="village plan"),
    "collective_economy:programme_list": Route(FLAGS),
    "collective_economy:programme_add": Route("CS"),
    "collective_economy:programme": Route(FLAGS, of="programme"),
    "collective_economy:programme_edit": Route("CS", of="programme"),
    "collective_economy:programme_confirm": Route("CS CL", of="programme"),
    "collective_economy:project_list": Route(FLAGS),
    "collective_economy:project_board": Route(FLAGS),
    "collective_economy:project_add": Route("CS CE"),
    "collective_economy:project": Route(FLAGS, of="project"),
    "collective_economy:project_flow": Route(FLAGS, of="project"),
    "collective_economy:project_income": Route(BUSINESS, of="project"),
    "collective_economy:project_edit": Route("CS CE", of="project"),
    "collective_economy:project_shares": Route("CS CE", of="project"),
    "collective_economy:project_money": Route("CS CE", of="project"),
    "collective_economy:project_milestones": Route("CS CE", of="project"),
    "collective_economy:project_milestone_done": Route(
        "CS CE", of="project", posts=True, also={"milestone_id": "milestone"}, body={"done_on": "2026-10-09"}
    ),
    "collective_economy:project_move": Route("CS CE", of="project", posts=True),
    "collective_economy:project_sign": Route("TS", of="project", posts=True),
    "collective_economy:project_opinion": Route("CS CL", of="project"),
    "collective_economy:project_return": Route("CS CL", of="project"),
    "collective_economy:project_approve": Route("CS CL", of="project"),
    "collective_economy:project_change": Route("CS CE", of="project"),
    "collective_economy:project_progress": Route("CS CE", of="project"),
    "collective_economy:project_accept": Route("CS CE", of="project"),
    "collective_economy:project_evaluate": Route("CS CE", of="project"),
    "collective_economy:project_audit": Route("CS CE", of="project"),
    "collective_economy:project_stop": Route("CS CL", of="project"),
    "collective_economy:project_drop": Route("CS CE", of="project"),
    "collective_economy:overview": Route(FLAGS),
    "collective_economy:risk_list": Route(FLAGS),
    "collective_economy:payment_list": Route(FLAGS),
    "collective_economy:payment_confirm": Route("CS CL"),
    "collective_economy:payment_add": Route("CS CE", of="project"),
    "collective_economy:payment": Route(FLAGS, of="payment"),
    "collective_economy:payment_refuse": Route("CS CL", of="waiting payment", posts=True),
    "collective_economy:payment_withdraw": Route("CS CE", of="waiting payment", posts=True),
    "collective_economy:payment_reverse": Route("CS CE", of="payment"),
    "collective_economy:contract_list": Route(BUSINESS),
    "collective_economy:contract_add": Route("CS CE"),
    "collective_economy:contract": Route(BUSINESS, of="contract"),
    "collective_economy:contract_edit": Route("CS CE", of="contract"),
    "collective_economy:contract_end": Route("CS CE", of="contract"),
    "collective_economy:receivable_waive": Route("CS CE", of="receivable"),
    "collective_economy:asset_list": Route(BUSINESS),
    "collective_economy:asset_add": Route("CS CE"),
    "collective_economy:asset": Route(BUSINESS, of="asset"),
    "collective_economy:asset_edit": Route("CS CE", of="asset"),
    "collective_economy:asset_check": Route("CS CE", of="asset"),
    "collective_economy:asset_dispose": Route("CS CE", of="asset"),
    "collective_economy:finding_list": Route(BUSINESS),
    "collective_economy:finding_add": Route("CS CE"),
    "collective_economy:finding": Route(BUSINESS, of="audit finding"),
    "collective_economy:finding_edit": Route("CS CE", of="audit finding"),
    "collective_economy:finding_hand_in": Route("CS CE", of="audit finding"),
    "collective_economy:finding_close": Route("CS CL", of="audit finding", posts=True),
    "collective_economy:finding_return": Route("CS CL", of="audit finding"),
    "collective_economy:finding_confirm": Route("CS CL", of="audit finding"),
    "collective_economy:attachment": Route(BUSINESS, of="paper"),
    "collective_economy:attachment_add": Route("CS CE", of="contract", posts=True, extra={"kind": "contract"}),
    "collective_economy:verification": Route("CS CL"),
    "collective_economy:verification_start": Route("CS CL", posts=True),
    # rounds of flags
    "assessments:flag_round_list": Route(FLAGS),
    "assessments:flag_round_new": Route("CS"),
    "assessments:flag_round": Route(FLAGS, of="flag draft"),
    "assessments:flag_round_edit": Route("CS", of="flag draft"),
    "assessments:flag_round_open": Route("CS", of="flag draft", posts=True),
    "assessments:flag_round_close": Route("CS", of="flag draft", posts=True),
    "assessments:flag_category_new": Route("CS", of="flag draft"),
    "assessments:flag_category_edit": Route("CS", of="flag category"),
    "assessments:flag_criterion_new": Route("CS", of="flag category"),
    "assessments:flag_criterion_edit": Route("CS", of="flag criterion"),
    "assessments:flag_part_remove": Route(
        "CS", of="flag draft", posts=True, extra={"kind": "criterion"}, also={"part_id": "flag criterion"}
    ),
    # applications for flags: by the township, rechecked by who leads the flag, decided by the county
    "assessments:flag_board": Route(FLAGS),
    "assessments:flag_list": Route(FLAGS),
    "assessments:flag_application": Route(FLAGS, of="flag application"),
    "assessments:flag_review": Route("TS", of="flag application", posts=True),
    "assessments:flag_recheck": Route("LD", of="flag application", posts=True),
    "assessments:flag_resubmit": Route("TS", of="flag application", posts=True),
    "assessments:flag_withdraw": Route("TS", of="flag application", posts=True),
    "assessments:flag_return": Route("CS LD", of="flag application", posts=True),
    "assessments:flag_panel": Route("CS", of="flag application"),
    "assessments:flag_object": Route(EDIT, of="flag application"),
    "assessments:flag_apply": Route("TS", of="flag round"),
    "assessments:flag_sheet": Route("TS LD", of="open flag category"),
    "assessments:flag_decide": Route("CS", of="open flag category"),
    "assessments:flag_notice": Route(FLAGS, of="flag round"),
    "assessments:flag_objection_list": Route(FLAGS),
    "assessments:flag_objection": Route(FLAGS, of="flag objection"),
    "assessments:flag_awards": Route(FLAGS, of="flag round"),
    "assessments:flag_prepare": Route("CS", of="flag round", posts=True),
    "assessments:flag_approve": Route("CL", of="flag round", posts=True),
    "assessments:flag_roll": Route(FLAGS, of="flag round"),
    "assessments:flag_certificate": Route(FLAGS, of="flag"),
    "assessments:flag_revocation_list": Route(PEOPLE),
    "assessments:flag_revocation_new": Route("CS", of="village", key="?village"),
    "assessments:flag_revocation": Route(PEOPLE, of="flag revocation"),
    # the month: closing and publication
    "assessments:period_list": Route(BUSINESS),
    "assessments:period": Route(BUSINESS, of="period"),
    "assessments:period_progress": Route(BUSINESS, of="period"),
    "assessments:period_open": Route("CS", of="period", posts=True),
    "assessments:period_remind": Route("CS", of="period", posts=True),
    "assessments:period_lock": Route("CS", of="period", posts=True),
    "assessments:period_close": Route("CS", of="period", posts=True),
    "assessments:period_publish": Route("CL", of="period", posts=True),
    "assessments:period_discard": Route("CS CL", of="period", posts=True),
    "assessments:period_revise": Route("CS", of="period", posts=True),
    "assessments:period_calendar": Route(BUSINESS),
    "assessments:period_plan": Route("CS", posts=True),
    "assessments:period_dates": Route("CS", of="period"),
    "assessments:holidays": Route(f"{BUSINESS} VC"),
    "assessments:holiday_remove": Route("CS", posts=True),
    # the month: ranking, receipt, objection
    "assessments:board": Route(BUSINESS, county_wide=RANKING),
    "assessments:board_sheet": Route(BUSINESS, county_wide=RANKING),
    "assessments:board_circular": Route(BUSINESS, county_wide=RANKING),
    "assessments:receipt": Route(BUSINESS, of="result"),
    "assessments:appeal_new": Route("TS", of="result", query={"line": "A5"}),
    "assessments:appeal_list": Route(BUSINESS),
    "assessments:appeal": Route(BUSINESS, of="appeal"),
    "assessments:appeal_decide": Route("CS CL", of="appeal", posts=True),
    "assessments:adjustment_list": Route(BUSINESS),
    "assessments:adjustment_new": Route("CS", of="period", key="period_id"),
    "assessments:adjustment_void": Route("CS", of="adjustment", posts=True),
    # schemes
    "assessments:scheme_list": Route(BUSINESS),
    "assessments:scheme_new": Route("CS", posts=True),
    "assessments:scheme": Route(BUSINESS, of="scheme"),
    "assessments:scheme_categories": Route(DRAFT, of="draft"),
    "assessments:scheme_indicator_new": Route("CS", of="draft"),
    "assessments:scheme_indicator": Route(DRAFT, of="draft", extra={"code": "A1"}),
    "assessments:scheme_items": Route(DRAFT, of="draft"),
    "assessments:scheme_item_new": Route("CS", of="draft", query={"kind": "bonus"}),
    "assessments:scheme_item": Route("CS", of="draft", extra={"code": "P1"}),
    "assessments:scheme_remove": Route("CS", of="draft", posts=True),
    "assessments:scheme_grades": Route(DRAFT, of="draft"),
    "assessments:scheme_calendar": Route(DRAFT, of="draft"),
    "assessments:scheme_examples": Route(DRAFT, of="draft"),
    "assessments:scheme_example_new": Route("CS", of="draft"),
    "assessments:scheme_example": Route("CS", of="draft", extra={"number": 0}),
    "assessments:scheme_example_accept": Route("CS", of="draft", extra={"number": 0}, posts=True),
    "assessments:scheme_details": Route(DRAFT, of="draft"),
    "assessments:scheme_compare": Route(DRAFT, of="draft"),
    "assessments:scheme_rehearsal": Route("CS", of="draft"),
    "assessments:scheme_publish": Route("CS", of="draft"),
    "assessments:scheme_copy": Route("CS", of="scheme", posts=True),
    "assessments:scheme_undo": Route("CS", of="draft", posts=True),
    "assessments:scheme_discard": Route("CS", of="draft", posts=True),
    # API
    "v1:unit-list": Route(EVERYBODY),
    "v1:unit-detail": Route(EVERYBODY, of="village"),
    "v1:period-list": Route(BUSINESS),
    "v1:period-detail": Route(BUSINESS, of="period"),
    "v1:return-list": Route(BUSINESS),
    "v1:return-detail": Route(BUSINESS, of="return"),
    "v1:return-village": Route(BUSINESS, of="return", also={"village_id": "village"}),
    "v1:return-submit": Route("TS", of="return", posts=True),
    "v1:return-withdraw": Route("TS", of="return", posts=True),
    "v1:ranking-list": Route(BUSINESS),
    "v1:ranking-detail": Route(BUSINESS, of="ranking", county_wide=RANKING),
    "v1:ranking-results": Route(BUSINESS, of="ranking", county_wide=RANKING),
    "v1:receipt-detail": Route(BUSINESS, of="result"),
    "v1:appeal-list": Route(BUSINESS),
    "v1:appeal-detail": Route(BUSINESS, of="appeal"),
    "v1:paysheet-list": Route(PEOPLE),
    "v1:paysheet-detail": Route(PEOPLE, of="pay sheet"),
    "v1:paysheet-sign": Route("TS", of="pay sheet", posts=True),
    "v1:paysheet-approve": Route("CL", of="pay sheet", posts=True),
    "v1:paysheet-send-back": Route("CL TS", of="pay sheet", posts=True, body={"reason": "越权"}),
    "v1:paysheet-export": Route("CS", of="pay sheet", posts=True),
    "v1:paysheet-read-back": Route(
        "CS", of="pay sheet", posts=True, body={"lines": [{"number": 1, "paid": True, "on": "2026-10-05"}]}
    ),
    "v1:payline-list": Route(PEOPLE),
    "v1:payline-detail": Route(PEOPLE, of="pay line"),
    "v1:upliftrate-list": Route(PEOPLE),
    "v1:upliftrate-detail": Route(PEOPLE, of="rate"),
    "v1:upliftrate-approve": Route("CL", of="rate", posts=True),
    "v1:payrules-list": Route(PEOPLE),
    "v1:payrules-detail": Route(PEOPLE, of="rules"),
    "v1:payforecast-list": Route("CS CL RI"),
    "v1:yearassessment-list": Route(BUSINESS),
    "v1:yearassessment-detail": Route(BUSINESS, of="year"),
    "v1:yearassessment-compute": Route("CS", of="year", posts=True),
    "v1:yearassessment-publish": Route("CL", of="year", posts=True),
    "v1:yearassessment-revise": Route("CS", of="year", posts=True, body={"reason": "越权"}),
    "v1:villageyear-list": Route(BUSINESS),
    "v1:villageyear-detail": Route(BUSINESS, of="village year"),
    "v1:cadreresult-list": Route(PEOPLE),
    "v1:cadreresult-detail": Route(PEOPLE, of="cadre result"),
    "v1:cadreresult-grade": Route(
        "CS", of="cadre result", posts=True, body={"grade": "competent", "reason": "越权", "base": "excellent"}
    ),
    "v1:flaground-list": Route(FLAGS),
    "v1:flaground-detail": Route(FLAGS, of="flag round"),
    "v1:flagcategory-list": Route(FLAGS),
    "v1:flagcategory-detail": Route(FLAGS, of="open flag category"),
    "v1:flagcriterion-list": Route(FLAGS),
    "v1:flagcriterion-detail": Route(FLAGS, of="flag criterion"),
    "v1:flagapplication-list": Route(FLAGS),
    "v1:flagapplication-detail": Route(FLAGS, of="flag application"),
    "v1:flagapplication-resubmit": Route("TS", of="flag application", posts=True),
    "v1:flagapplication-withdraw": Route("TS", of="flag application", posts=True),
    "v1:flagapplication-review": Route("TS", of="flag application", posts=True, body={"opinion": "越权"}),
    "v1:flagapplication-recheck": Route("LD", of="flag application", posts=True),
    "v1:flagapplication-send-back": Route("LD", of="flag application", posts=True, body={"reason": "越权"}),
    "v1:flagapplication-decide": Route("CS", of="flag application", posts=True),
    "v1:flagapplication-announce": Route("CS", of="flag application", posts=True, body={"from_on": "2026-11-30"}),
    "v1:flagaward-list": Route(FLAGS),
    "v1:flagaward-detail": Route(FLAGS, of="flag"),
    "v1:flagrevocation-list": Route(PEOPLE),
    "v1:flagrevocation-detail": Route(PEOPLE, of="flag revocation"),
    "v1:person-list": Route(PEOPLE),
    "v1:person-detail": Route(PEOPLE, of="person"),
    "v1:posting-list": Route(PEOPLE),
    "v1:posting-detail": Route(PEOPLE, of="posting"),
    "v1:reservecadre-list": Route(PEOPLE),
    "v1:reservecadre-detail": Route(PEOPLE, of="reserve entry"),
    "v1:training-list": Route(PEOPLE),
    "v1:training-detail": Route(PEOPLE, of="training"),
    "v1:attendance-list": Route(PEOPLE),
    "v1:attendance-detail": Route(PEOPLE, of="attendance"),
    "v1:importbatch-list": Route("CS TS CE"),
    "v1:importbatch-detail": Route(EDIT, of="import"),
    "v1:importbatch-cells": Route(EDIT, of="import", posts=True, body={"cells": []}),
    "v1:importbatch-confirm": Route(EDIT, of="import", posts=True),
    "v1:importbatch-undo": Route(EDIT, of="import", posts=True),
    # collective economy
    "v1:programme-list": Route(FLAGS),
    "v1:programme-detail": Route(FLAGS, of="programme"),
    "v1:programme-confirm": Route("CS CL", of="programme", posts=True),
    "v1:project-list": Route(FLAGS),
    "v1:project-detail": Route(FLAGS, of="project"),
    "v1:project-advance": Route("CS CE", of="project", posts=True),
    "v1:project-sign": Route("TS", of="project", posts=True),
    "v1:payment-list": Route(FLAGS),
    "v1:payment-detail": Route(FLAGS, of="payment"),
    "v1:payment-confirm": Route("CS CL", of="waiting payment", posts=True),
    "v1:payment-refuse": Route("CS CL", of="waiting payment", posts=True, body={"note": "越权"}),
    "v1:payment-withdraw": Route("CS CE", of="waiting payment", posts=True),
    "v1:payment-reverse": Route(
        "CS CE", of="payment", posts=True, body={"paid_on": "2026-10-09", "voucher_number": "1", "reason": "越权"}
    ),
    "v1:contract-list": Route(BUSINESS),
    "v1:contract-detail": Route(BUSINESS, of="contract"),
    "v1:receivable-list": Route(BUSINESS),
    "v1:receivable-detail": Route(BUSINESS, of="receivable"),
    "v1:ledgerentry-list": Route(BUSINESS),
    "v1:ledgerentry-detail": Route(BUSINESS, of="ledger"),
    "v1:ledgerentry-reverse": Route("CS CE", of="ledger", posts=True, body={"on": "2026-10-09", "reason": "越权"}),
    "v1:ledgermonth-list": Route(BUSINESS),
    "v1:ledgermonth-detail": Route(BUSINESS, of="ledger month"),
    "v1:ledgermonth-close": Route("CS CL", of="ledger month", posts=True),
    "v1:asset-list": Route(BUSINESS),
    "v1:asset-detail": Route(BUSINESS, of="asset"),
    "v1:auditfinding-list": Route(BUSINESS),
    "v1:auditfinding-detail": Route(BUSINESS, of="audit finding"),
    "v1:appeal-decide": Route("CS CL", of="appeal", posts=True, body={"outcome": "rejected", "decision": "越权"}),
    # accounts, roles, audit trail
    "admin:accounts_user_reset_password": Route("SA", of="user"),
    "admin:accounts_user_unlock": Route("SA", of="user"),
    "admin:accounts_user_take_off_code": Route("SA", of="user"),
    "admin:accounts_user_disable": Route("SA", of="user"),
    "admin:accounts_user_enable": Route("SA", of="user"),
    "admin:branches_membership_confirm": Route("CS CL", of="membership"),
    "admin:branches_membership_decline": Route("CS CL", of="membership"),
    "admin:branches_membership_end": Route("SA", of="membership"),
    "admin:accounts_auditevent_chain": Route("AU"),
    "admin:accounts_auditevent_verify": Route("AU", posts=True),
    "admin:accounts_auditevent_export": Route("AU", posts=True),
}

EXEMPT: dict[str, str] = {
    "healthz": "says only that the process is alive",
    "readyz": "tests/test_health.py asks who sees its details",
    "set_language": "sets a cookie",
    "keep-session": "touches one's own session",
    "admin:login": "open to all",
    "admin:logout": "ends one's own session",
    "admin:password_change": "one's own password",
    "admin:password_change_done": "one's own password",
    "admin:jsi18n": "translations",
    "admin:app_list": "names of the models one may open",
    "admin:view_on_site": "no model has a page of its own behind it",
    "admin:autocomplete": "test_autocomplete_finds_no_foreign_row",
    "admin:": "redirects of the admin to the pages above, and its 404",
    "accounts:reauth": "one's own password",
    "accounts:code": "one's own code, where the switch is on",
    "accounts:code_setup": "one's own code, where the switch is on",
    "schema": "the description of the API, the same for everybody",
}


@dataclass(frozen=True)
class Admin:
    """Who sees, adds and changes rows of a model in the admin, and what kind of row of the ground it is.

    `one`: who sees the ground's own row, where the list shows some people fewer rows.
    """

    kind: str
    sees: str
    adds: str = ""
    changes: str = ""
    one: str = ""
    has_history: bool = True


ADMINS: dict[str, Admin] = {
    "branches.unit": Admin("village", EVERYBODY, changes="CS"),
    "branches.villageclass": Admin("class", f"{BUSINESS} VC"),
    "branches.branch": Admin("branch", f"{BUSINESS} VC", adds="CS", changes=EDIT),
    "branches.workdayexception": Admin("day", f"{BUSINESS} VC", adds="CS", changes="CS"),
    "branches.membership": Admin("membership", "SA CS CL", adds="SA"),
    "cadres.person": Admin("person", PEOPLE),
    "cadres.posting": Admin("posting", PEOPLE),
    "cadres.residency": Admin("residency", PEOPLE),
    "cadres.commendation": Admin("commendation", PEOPLE),
    "cadres.training": Admin("training", PEOPLE),
    "accounts.user": Admin("user", "SA", adds="SA", changes="SA", has_history=False),
    "accounts.job": Admin("job", "SA", has_history=False),
    "accounts.auditevent": Admin("event", f"AU {BUSINESS} LD VC", one="AU RI", has_history=False),
}

FILTERS: dict[str, dict[str, str]] = {
    # page: name of a filter on a row -> kind of row
    "collective_economy:project_list": {"village": "village", "township": "township", "programme": "programme"},
    "collective_economy:project_board": {"village": "village", "township": "township", "programme": "programme"},
    "branches:life_list": {"village": "village", "township": "township"},
    "branches:decision_list": {"village": "village", "township": "township"},
    "branches:village_list": {"township": "township"},
    "cadres:person_list": {"village": "village", "township": "township"},
    "cadres:vacancy_list": {"township": "township"},
    "cadres:duty_list": {"township": "township"},
    "cadres:resident_list": {"township": "township"},
    "cadres:talent_list": {"village": "village", "township": "township"},
    "cadres:person_add": {"village": "village"},
    "reserve:list": {"village": "village", "township": "township"},
    "reserve:coverage": {"village": "village", "township": "township"},
    "reserve:funnel": {"village": "village", "township": "township"},
    "reserve:succession": {"village": "village", "township": "township"},
    "reserve:statistics": {"township": "township"},
    "reserve:trainings": {"village": "village", "township": "township"},
    "exports:new": {"township": "township"},
    "assessments:flag_list": {"township": "township"},
    "assessments:flag_board": {"township": "township"},
    "assessments:pay_lines": {"township": "township", "village": "village"},
    "assessments:year_villages": {"township": "township"},
    "assessments:year_cadres": {"township": "township"},
    "assessments:item_list": {"township": "township"},
    "assessments:meeting_new": {"unit": "township"},
    "exports:blank_list": {"township": "township"},
    "branches:life_add": {"branch": "branch"},
    "branches:decision_add": {"village": "village"},
    "branches:unit_add": {"parent": "township"},
}

ADMIN_PAGES = ("changelist", "add", "history", "delete", "change")


# --- Ground ---------------------------------------------------------------------------------


def address(ground: Ground, name: str, route: Route, place: str) -> str:
    kwargs = {key: ground.pks[kind][place] for key, kind in route.also.items()} | route.extra
    query = dict(route.query)
    if route.of:
        (query if route.key.startswith("?") else kwargs)[route.key.lstrip("?")] = ground.pks[route.of][place]
    base = reverse(name, kwargs=kwargs or None)
    return f"{base}?{urlencode(query)}" if query else base


def ask(client: Client, route: Route, url: str, *, brief: bool = False) -> HttpResponse:
    """`brief` where a refusal is expected."""
    asked = headers(not brief or url.startswith("/api/"))
    if not route.posts:
        return client.get(url, headers=asked)
    if route.is_json or url.startswith("/api/"):
        return client.post(url, route.body, content_type="application/json", headers=asked)
    form = urlencode(route.body)
    return client.post(url, form, content_type="application/x-www-form-urlencoded", headers=asked)


SHORT = {"HX-Request": "true"}
"""Asks for the short form of a refusal, as the pages' scripts do."""


def headers(is_open: bool) -> dict[str, str]:
    return {} if is_open else SHORT


def text_of(response: HttpResponse) -> str:
    """What can be read in an answer, also in a sheet or document."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    return content.decode("utf-8", "ignore")


def canaries_in(response: HttpResponse, places: tuple[str, ...]) -> list[str]:
    text = text_of(response)
    return [CANARIES[place] for place in places if CANARIES[place] in text]


def places_hidden(route: Route, role: Role) -> tuple[str, ...]:
    """Places whose canary must not show: for a county-wide page, the other county alone."""
    return FOREIGN[role][-1:] if route.county_wide else FOREIGN[role]


def foreign_places(ground: Ground, route: Route, role: Role) -> list[str]:
    return [place for place in FOREIGN[role] if place in ground.pks[route.of]]


def stored() -> dict[str, list[Any]]:
    """All rows of the product but sessions, logs and the audit trail."""
    skipped = {"accounts.auditevent", "accounts.auditseal", "accounts.lease", "accounts.passwordrecord"}
    models = [
        m for app in OUR_APPS for m in apps.get_app_config(app).get_models() if m._meta.label_lower not in skipped
    ]
    return {model._meta.label: list(model._base_manager.order_by("pk").values_list()) for model in models}


OUR_APPS = ("accounts", "imports", "branches", "cadres", "assessments", "collective_economy")


# --- Every route is in the table ------------------------------------------------------------


def all_routes(patterns: list[Any] | None = None, namespace: str = "") -> Iterator[str]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from all_routes(
                pattern.url_patterns, namespace + (f"{pattern.namespace}:" if pattern.namespace else "")
            )
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name or ''}"


def admin_routes() -> set[str]:
    return {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in admin.site._registry
        for page in ADMIN_PAGES
    }


def test_every_route_is_in_the_table_or_exempt_with_a_reason() -> None:
    found = set(all_routes()) - admin_routes()
    assert sorted(found - ROUTES.keys() - EXEMPT.keys()) == []
    assert sorted((ROUTES.keys() | EXEMPT.keys()) - found - {"admin:"}) == []


def test_every_registered_admin_is_in_the_table() -> None:
    assert {model._meta.label_lower for model in admin.site._registry} == ADMINS.keys()


def both_ways(route: Route) -> Iterator[Route]:
    """The route read, unless it only takes POST, and the route written to with a body that could be meant."""
    if not route.posts:
        yield route
    body = {"base_version": "1", "version": "1", "reason": "越权", "name": "越权", **route.body}
    yield replace(route, posts=True, body=body)


def admin_page(model: str, page: str, pk: int | None = None) -> str:
    name = f"admin:{model.replace('.', '_')}_{page}"
    return reverse(name, args=[pk] if pk is not None else None)


def request_of(ground: Ground, role: Role) -> Any:
    request = RequestFactory().get("/")
    request.user = User.objects.get(pk=ground.users[role].pk)
    return request


class ScopeContract(TestCase):
    """The questions, asked for each role in turn. Nothing here may write: each question compares what is stored."""

    ground: ClassVar[Ground]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.ground = build_ground()

    def setUp(self) -> None:
        traveller = time_machine.travel(NOW, tick=False)
        traveller.start()
        self.addCleanup(traveller.stop)

    def client_of(self, role: Role) -> Client:
        client = Client()
        client.force_login(self.ground.users[role])
        return client

    def test_own_rows_are_open_to_those_in_the_table_and_closed_to_all_others(self) -> None:
        for role in Role:
            with self.subTest(role=role.value):
                self.check_own_rows(role, self.client_of(role))

    def check_own_rows(self, role: Role, client: Client) -> None:
        wrong = []
        before = stored()
        for name, route in ROUTES.items():
            is_open = role.value in route.open.split()
            if route.posts and is_open:
                continue
            response = ask(client, route, address(self.ground, name, route, OWN), brief=not is_open)
            expected = (200,) if is_open else CLOSED
            if response.status_code not in expected:
                wrong.append((name, response.status_code, response.headers.get("Location", "")))
            elif is_open and (seen := canaries_in(response, places_hidden(route, role))):
                wrong.append((name, "shows", *seen))
        assert not wrong, "\n" + "\n".join(map(str, wrong))
        assert stored() == before

    def test_a_foreign_row_does_not_exist_and_is_not_changed(self) -> None:
        """Asked by those who may open the page for their own rows: a wrong answer could only tell them something."""
        for role in Role:
            with self.subTest(role=role.value):
                self.check_foreign_rows(role, self.client_of(role))

    def check_foreign_rows(self, role: Role, client: Client) -> None:
        wrong = []
        before = stored()
        for name, route in ROUTES.items():
            if not route.of or role.value not in route.open.split():
                continue
            for place in foreign_places(self.ground, route, role):
                for each in both_ways(route):
                    response = ask(client, each, address(self.ground, name, each, place), brief=True)
                    if response.status_code not in ((404, 405) if each.posts and not route.posts else (404,)):
                        wrong.append((name, "POST" if each.posts else "GET", response.status_code))
                    elif seen := canaries_in(response, FOREIGN[role]):
                        wrong.append((name, "shows", *seen))
        assert not wrong, "\n" + "\n".join(map(str, wrong))
        assert stored() == before

    def test_admin_pages_are_open_as_the_table_says(self) -> None:
        for role in Role:
            client = self.client_of(role)
            for model in ADMINS:
                with self.subTest(role=role.value, model=model):
                    self.check_admin_pages(role, client, model)

    def check_admin_pages(self, role: Role, client: Client, model: str) -> None:
        table = ADMINS[model]
        sees, adds, changes = (role.value in roles.split() for roles in (table.sees, table.adds, table.changes))
        sees_row = role.value in (table.one or table.sees).split()
        own = self.ground.pks[table.kind][OWN]
        change = admin_page(model, "change", own)
        # A row outside one's sight is a missing row, and Django's admin sends those home.
        row = {200} if sees_row else {302, 403}
        asked = [
            (client.get(admin_page(model, "changelist"), headers=headers(sees)), {200} if sees else {403}),
            (client.get(admin_page(model, "add"), headers=headers(adds)), {200} if adds else {403}),
            (client.get(change, headers=headers(sees_row)), row),
            (client.get(f"{change}?_popup=1&_to_field=id", headers=headers(sees_row)), row),
            (client.get(admin_page(model, "history", own)), row if table.has_history else {302, 403, 404}),
            (client.get(admin_page(model, "delete", own), headers=SHORT), {403}),
        ]
        if not changes:
            asked.append((client.post(change, {"name": "越权", "base_version": 1}, headers=SHORT), {302, 403}))
        wrong = [
            (response.request["PATH_INFO"], response.status_code, allowed)
            for response, allowed in asked
            if response.status_code not in allowed
        ]
        wrong += [
            (response.request["PATH_INFO"], seen, ())
            for response, _ in asked
            if (seen := canaries_in(response, FOREIGN[role]))
        ]
        assert not wrong, "\n" + "\n".join(map(str, wrong))

    def test_admin_rows_of_others_are_like_missing_ones(self) -> None:
        for role in Role:
            client = self.client_of(role)
            for model in ADMINS:
                with self.subTest(role=role.value, model=model):
                    self.check_admin_rows(role, client, model)

    def check_admin_rows(self, role: Role, client: Client, model: str) -> None:
        before = stored()
        rows = self.ground.pks[ADMINS[model].kind]
        body = {"name": "越权", "reason": "越权", "base_version": 1}
        for page, method in (("change", client.get), ("change", client.post), ("history", client.get)):
            missing = method(admin_page(model, page, MISSING), body, headers=SHORT)
            assert missing.status_code in (302, 403)
            for place in FOREIGN[role]:
                if place in rows:
                    response = method(admin_page(model, page, rows[place]), body, headers=SHORT)
                    assert response.status_code == missing.status_code
                    assert response.headers.get("Location") == missing.headers.get("Location")
                    assert canaries_in(response, FOREIGN[role]) == []
        for place in FOREIGN[role]:
            if place in rows:
                url = admin_page(model, "delete", rows[place])
                assert client.post(url, {"post": "yes"}, headers=SHORT).status_code == 403
        assert stored() == before

    def test_actions_do_nothing_to_foreign_rows(self) -> None:
        for role in Role:
            client = self.client_of(role)
            for model in ADMINS:
                with self.subTest(role=role.value, model=model):
                    self.check_actions(role, client, model)

    def check_actions(self, role: Role, client: Client, model: str) -> None:
        request = request_of(self.ground, role)
        model_admin = admin.site._registry[apps.get_model(model)]
        if not model_admin.has_view_permission(request):
            return
        before = stored()
        rows = self.ground.pks[ADMINS[model].kind]
        selected = [rows[place] for place in FOREIGN[role] if place in rows]
        for action in (*model_admin.get_actions(request), "delete_selected"):
            data = {"action": action, "_selected_action": selected, "index": 0, "post": "yes", "select_across": "0"}
            response = client.post(admin_page(model, "changelist"), data)
            assert canaries_in(response, FOREIGN[role]) == []
        assert stored() == before

    def test_forms_neither_offer_nor_accept_foreign_rows(self) -> None:
        for role in Role:
            for model in ADMINS:
                with self.subTest(role=role.value, model=model):
                    self.check_forms(role, model)

    def check_forms(self, role: Role, model: str) -> None:
        """Whatever a form accepts for a foreign key comes from the queryset of its field."""
        request = request_of(self.ground, role)
        model_class = apps.get_model(model)
        model_admin = admin.site._registry[model_class]
        own = model_class._base_manager.get(pk=self.ground.pks[ADMINS[model].kind][OWN])
        for obj in (None, own):
            allowed = (
                model_admin.has_add_permission(request)
                if obj is None
                else model_admin.has_change_permission(request, obj)
            )
            if not allowed:
                continue
            form = model_admin.get_form(request, obj, change=obj is not None)
            for name, bound in form.base_fields.items():
                if isinstance(bound, ModelChoiceField):
                    texts = " ".join(str(row) for row in bound.queryset)
                    assert not [CANARIES[p] for p in FOREIGN[role] if CANARIES[p] in texts], name

    def test_only_declared_filters_are_answered(self) -> None:
        for role in Role:
            client = self.client_of(role)
            for model in ADMINS:
                with self.subTest(role=role.value, model=model):
                    self.check_lookups(role, client, model)

    def check_lookups(self, role: Role, client: Client, model: str) -> None:
        if role.value not in ADMINS[model].sees.split():
            return
        url = admin_page(model, "changelist")
        for query in ("pk__gt=0", "id__in=1,2", "version=1", "path__startswith=0", "user__password__startswith=a"):
            assert client.get(f"{url}?{query}").status_code == 400, query

    def test_autocomplete_finds_no_foreign_row(self) -> None:
        for role in Role:
            with self.subTest(role=role.value):
                self.check_autocomplete(role, self.client_of(role))

    def check_autocomplete(self, role: Role, client: Client) -> None:
        for model, model_admin in admin.site._registry.items():
            for relation in model._meta.get_fields():
                if not (relation.many_to_one and relation.concrete):
                    continue
                query = {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": relation.name,
                }
                response = client.get("/autocomplete/", {**query, "term": ""}, headers=SHORT)
                assert response.status_code in (200, 403, 404)
                assert canaries_in(response, FOREIGN[role]) == [], (model_admin, relation.name)

    def test_cells_of_a_foreign_village_are_not_reached_through_ones_own_return(self) -> None:
        client = self.client_of(Role.TS)
        before = stored()
        url = reverse("assessments:grid_cells", args=[self.ground.pks["return"][OWN]])
        for place in FOREIGN[Role.TS]:
            village = self.ground.pks["village"][place]
            edits = [{"village": village, "code": "A5.n", "base": 350_000, "value": "9"}]
            response = client.post(url, {"edits": edits}, content_type="application/json")
            assert canaries_in(response, FOREIGN[Role.TS]) == []
        assert stored() == before

    def test_filters_of_pages_find_nothing_of_others(self) -> None:
        for role in Role:
            with self.subTest(role=role.value):
                self.check_filters(role, self.client_of(role))

    def check_filters(self, role: Role, client: Client) -> None:
        for name, filters in FILTERS.items():
            if role.value not in ROUTES[name].open.split():
                continue
            for key, kind in filters.items():
                for place in FOREIGN[role]:
                    if place in self.ground.pks[kind]:
                        query = {**ROUTES[name].query, key: self.ground.pks[kind][place], "month": "", "q": ""}
                        response = client.get(reverse(name), query)
                        assert response.status_code in (200, 404)
                        assert canaries_in(response, places_hidden(ROUTES[name], role)) == [], (name, key)

    def test_the_search_box_finds_no_foreign_place(self) -> None:
        for role in Role:
            with self.subTest(role=role.value):
                response = self.client_of(role).get("/search/", {"q": "雀"}, follow=True)
                assert response.status_code == 200
                assert canaries_in(response, FOREIGN[role]) == []

    def test_nobody_is_let_in_without_logging_in(self) -> None:
        client = Client()
        wrong = []
        for name, route in ROUTES.items():
            response = ask(client, route, address(self.ground, name, route, OWN))
            is_login = response.status_code == 302 and response.headers["Location"].startswith("/login/")
            if not is_login and response.status_code not in (401, 403):
                wrong.append((name, response.status_code))
        for model in ADMINS:
            if client.get(admin_page(model, "changelist")).status_code != 302:
                wrong.append((model, 200))
        assert not wrong, "\n" + "\n".join(map(str, wrong))

    def test_an_account_without_a_role_sees_nothing(self) -> None:
        client = Client()
        client.force_login(User.objects.get(username="confirmer"))
        everything = tuple(CANARIES)
        for name, route in ROUTES.items():
            response = ask(client, route, address(self.ground, name, route, OWN))
            assert response.status_code in CLOSED or not canaries_in(response, everything), name
            assert "东一村" not in text_of(response), name

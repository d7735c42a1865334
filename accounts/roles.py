"""The roles, and the permissions each grants, as data.

Source: the role and capability matrix of the security rules (docs/roles.md shows it).
Pages, API, actions, tasks and tests read this one table. A right checked by the name
of a role anywhere else is a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    SA = "SA", _("System administrator")
    AU = "AU", _("Security auditor")
    CS = "CS", _("County staff")
    CL = "CL", _("County leader")
    TS = "TS", _("Township secretary")
    CE = "CE", _("Collective-economy officer")
    RI = "RI", _("Read-only inspector")
    LD = "LD", _("Lead department")
    VC = "VC", _("Village clerk")


SEPARATED_ROLES = frozenset({Role.SA, Role.AU})
"""Exclude each other and every business role, held by one person or none (三员分立)."""


def exclude_each_other(one: str, other: str) -> bool:
    """Whether nobody may hold both roles at a time."""
    return one != other and bool({one, other} & SEPARATED_ROLES)


CODE_ROLES = frozenset({Role.SA, Role.AU, Role.CS, Role.CL})
"""Log in with a code of an authenticator app too, where TOTP_REQUIRED is on."""

KINDS_OF_UNIT: dict[Role, frozenset[str]] = {
    Role.SA: frozenset({"county"}),
    Role.AU: frozenset({"county"}),
    Role.CS: frozenset({"county"}),
    Role.CL: frozenset({"county"}),
    Role.TS: frozenset({"township"}),
    Role.CE: frozenset({"county", "township"}),
    Role.RI: frozenset({"county", "township"}),
    Role.LD: frozenset({"county"}),
    Role.VC: frozenset({"village"}),
}
"""At which level of the tree each role is given."""

SUBJECT_ROLES = frozenset({Role.LD})
"""Given for some subjects only: the flags a county department leads."""

BUSINESS = (Role.CS, Role.CL, Role.TS, Role.CE, Role.RI)
COUNTY = (Role.CS, Role.CL)


@dataclass(frozen=True)
class Capability:
    """One row of the matrix: what is allowed, to whom, and the permission strings that say so."""

    code: str
    label: str | Promise
    roles: frozenset[Role]
    permissions: frozenset[str]


def _row(code: str, label: str | Promise, roles: tuple[Role, ...], *permissions: str) -> Capability:
    return Capability(code, label, frozenset(roles), frozenset(permissions))


MATRIX: tuple[Capability, ...] = (
    _row(
        "accounts",
        _("create, disable, unlock accounts; reset a password"),
        (Role.SA,),
        "accounts.view_user",
        "accounts.add_user",
        "accounts.change_user",
    ),
    _row(
        "propose_role",
        _("propose a role at a unit"),
        (Role.SA,),
        "branches.view_membership",
        "branches.add_membership",
        "branches.change_membership",
    ),
    _row(
        "confirm_role", _("confirm a role at a unit"), COUNTY, "branches.view_membership", "branches.confirm_membership"
    ),
    _row(
        "operate",
        _("parameters, jobs page, backup and restore"),
        (Role.SA,),
        "accounts.view_job",
        "accounts.cancel_job",
        "accounts.operate",
    ),
    _row("read_audit", _("read the audit trail"), (Role.AU,), "accounts.view_auditevent"),
    _row(
        "verify_audit",
        _("verify the chain, export the audit trail"),
        (Role.AU,),
        "accounts.verify_auditevent",
        "accounts.export_auditevent",
    ),
    _row(
        "read_own_acts",
        _("read one's own acts in the audit trail"),
        (*BUSINESS, Role.LD, Role.VC),
        "accounts.view_own_auditevent",
    ),
    _row(
        "read_business_audit",
        _("read business events in the audit trail"),
        (Role.RI,),
        "accounts.view_business_auditevent",
    ),
    _row("names", _("see the names of units"), tuple(Role), "branches.view_unit"),
    _row(
        "edit_tree",
        _("edit the organization tree with effective dates"),
        (Role.CS,),
        "branches.add_unit",
        "branches.change_unit",
        "branches.add_villageclass",
        "branches.change_villageclass",
        "branches.add_branch",
        "branches.add_workdayexception",
        "branches.change_workdayexception",
        "branches.add_village",
    ),
    _row(
        "see_branches",
        _("see village cards, Party organizations and their life"),
        (*BUSINESS, Role.VC),
        "branches.view_village",
        "branches.view_villageclass",
        "branches.view_formerapprovedposts",
        "branches.view_branch",
        "branches.view_organisationallife",
        "branches.view_decision",
        "branches.view_workdayexception",
    ),
    _row(
        "edit_branches",
        _("keep village cards, organisational life and village decisions"),
        (Role.CS, Role.TS),
        "branches.change_village",
        "branches.change_branch",
        "branches.add_organisationallife",
        "branches.change_organisationallife",
        "branches.add_decision",
        "branches.change_decision",
    ),
    _row(
        "see_cadres",
        _("see cadres and reserve cadres, their trainings and honours"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "cadres.view_person",
        "cadres.view_posting",
        "cadres.view_reservecadre",
        "cadres.view_reservestep",
        "cadres.view_reserveassessment",
        "cadres.view_training",
        "cadres.view_attendance",
        "cadres.view_commendation",
        "cadres.view_residency",
        "cadres.view_residentleave",
        "cadres.view_spotcheck",
        "cadres.view_talent",
        "cadres.view_peoplelimits",
    ),
    _row(
        "edit_cadres",
        _("keep cadres and reserve cadres, import their rosters"),
        (Role.CS, Role.TS),
        "cadres.add_person",
        "cadres.change_person",
        "cadres.add_posting",
        "cadres.change_posting",
        "cadres.add_reservecadre",
        "cadres.change_reservecadre",
        "cadres.add_reserveassessment",
        "cadres.change_reserveassessment",
        "cadres.add_training",
        "cadres.change_training",
        "cadres.add_attendance",
        "cadres.change_attendance",
        "cadres.add_commendation",
        "cadres.change_commendation",
        "cadres.add_residency",
        "cadres.change_residency",
        "cadres.add_residentleave",
        "cadres.change_residentleave",
        "cadres.add_spotcheck",
        "cadres.add_talent",
        "cadres.change_talent",
    ),
    _row(
        "review_reserve",
        _("review nominations for the reserve"),
        (Role.TS,),
        "cadres.review_reservecadre",
    ),
    _row(
        "put_on_record",
        _("put reserve cadres on record, set the limits for cadres"),
        (Role.CS,),
        "cadres.record_reservecadre",
        "cadres.add_peoplelimits",
        "cadres.change_peoplelimits",
    ),
    _row(
        "see_discipline",
        _("see discipline records"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "cadres.view_disciplineaction",
    ),
    _row(
        "edit_discipline",
        _("keep discipline records"),
        (Role.CS, Role.TS),
        "cadres.add_disciplineaction",
        "cadres.change_disciplineaction",
    ),
    _row(
        "reveal_identity",
        _("reveal an identity number, with a purpose"),
        (Role.CS, Role.TS),
        "cadres.reveal_person",
    ),
    _row(
        "import_rosters",
        _("see imports of rosters, start and undo one's own"),
        (Role.CS, Role.TS, Role.CE),
        "imports.view_importbatch",
        "imports.add_importbatch",
        "imports.change_importbatch",
    ),
    _row(
        "see_ledger",
        _("see ledgers, contracts, assets, income targets and audit findings of village collectives"),
        BUSINESS,
        "collective_economy.view_ledgerentry",
        "collective_economy.view_ledgermonth",
        "collective_economy.view_contract",
        "collective_economy.view_receivable",
        "collective_economy.view_asset",
        "collective_economy.view_incometarget",
        "collective_economy.view_bandrules",
        "collective_economy.view_villageplan",
        "collective_economy.view_auditfinding",
        "collective_economy.view_attachment",
    ),
    _row(
        "see_projects",
        _("see programmes, projects and their payments; a lead department those of its own flags"),
        (*BUSINESS, Role.LD),
        "collective_economy.view_programme",
        "collective_economy.view_programmesource",
        "collective_economy.view_project",
        "collective_economy.view_projectshare",
        "collective_economy.view_projectsource",
        "collective_economy.view_budgetline",
        "collective_economy.view_instalment",
        "collective_economy.view_milestone",
        "collective_economy.view_projectstep",
        "collective_economy.view_projectchange",
        "collective_economy.view_reviewopinion",
        "collective_economy.view_payment",
    ),
    _row(
        "record_funds",
        _("record programmes, projects, payments, ledgers, contracts, assets, targets and findings; import ledgers"),
        (Role.CS, Role.CE),
        "collective_economy.add_programme",
        "collective_economy.change_programme",
        "collective_economy.add_project",
        "collective_economy.change_project",
        "collective_economy.add_payment",
        "collective_economy.change_payment",
        "collective_economy.import_ledger",
        "collective_economy.add_ledgerentry",
        "collective_economy.change_ledgerentry",
        "collective_economy.change_ledgermonth",
        "collective_economy.add_contract",
        "collective_economy.change_contract",
        "collective_economy.add_asset",
        "collective_economy.change_asset",
        "collective_economy.add_auditfinding",
        "collective_economy.change_auditfinding",
        "collective_economy.add_incometarget",
        "collective_economy.change_incometarget",
        "collective_economy.add_villageplan",
        "collective_economy.change_villageplan",
        "collective_economy.add_attachment",
    ),
    _row(
        "sign_project",
        _("sign the application of a project for one's township"),
        (Role.TS,),
        "collective_economy.sign_project",
    ),
    _row(
        "approve_funds",
        _("confirm programmes and payments, approve projects, close months of ledgers and audit findings"),
        COUNTY,
        "collective_economy.confirm_programme",
        "collective_economy.approve_project",
        "collective_economy.confirm_payment",
        "collective_economy.close_ledgermonth",
        "collective_economy.close_auditfinding",
    ),
    _row("set_bands", _("set the bands of income"), (Role.CS,), "collective_economy.add_bandrules"),
    _row(
        "see_month",
        _("see schemes, months, returns and receipts"),
        BUSINESS,
        "assessments.view_scheme",
        "assessments.view_category",
        "assessments.view_indicator",
        "assessments.view_adjustmentitem",
        "assessments.view_period",
        "assessments.view_return",
        "assessments.view_villagemonth",
        "assessments.view_adjustment",
        "assessments.view_ranking",
        "assessments.list_result",
        "assessments.view_result",
        "assessments.view_appeal",
        "assessments.view_unlock",
    ),
    _row("see_drafts", _("see rankings before publication"), COUNTY, "assessments.view_draft_ranking"),
    _row(
        "edit_scheme",
        _("write schemes and publish them for a coming month"),
        (Role.CS,),
        "assessments.add_scheme",
        "assessments.change_scheme",
        "assessments.publish_scheme",
        "assessments.add_period",
        "assessments.change_period",
    ),
    _row("enter_month", _("enter monthly figures"), (Role.CS, Role.TS), "assessments.enter_return"),
    _row("enter_county", _("enter what the county scores"), (Role.CS,), "assessments.enter_county_return"),
    _row(
        "adjust",
        _("enter bonus, penalty and veto items"),
        (Role.CS,),
        "assessments.add_adjustment",
        "assessments.change_adjustment",
    ),
    _row("submit", _("submit a month for a township"), (Role.TS,), "assessments.submit_return"),
    _row("review", _("return or accept a submission"), (Role.CS,), "assessments.review_return"),
    _row("close", _("close a month, compute rankings"), (Role.CS,), "assessments.close_period"),
    _row("publish", _("publish rankings"), (Role.CL,), "assessments.publish_ranking"),
    _row("ask_unlock", _("ask to unlock an accepted month"), (Role.CS, Role.TS), "assessments.ask_unlock_return"),
    _row(
        "unlock",
        _("unlock an accepted month (reason, hours)"),
        (Role.CL,),
        "assessments.unlock_return",
        "assessments.decide_unlock",
    ),
    _row("appeal", _("object to a receipt line"), (Role.TS,), "assessments.add_appeal"),
    _row("decide_appeal", _("decide an objection"), COUNTY, "assessments.decide_appeal"),
    _row(
        "see_flags",
        _("see rounds, applications and flags; a lead department those of its own flags"),
        (*BUSINESS, Role.LD),
        "assessments.view_flaground",
        "assessments.view_flagcategory",
        "assessments.view_flagcriterion",
        "assessments.view_flagapplication",
        "assessments.view_flagaward",
        "assessments.view_flagobjection",
    ),
    _row(
        "see_revocations",
        _("see why flags were taken away"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "assessments.view_flagrevocation",
    ),
    _row(
        "edit_rounds",
        _("set up, open and close rounds of flags"),
        (Role.CS,),
        "assessments.add_flaground",
        "assessments.change_flaground",
    ),
    _row(
        "apply_flags",
        _("apply for flags for a village"),
        (Role.TS,),
        "assessments.add_flagapplication",
        "assessments.change_flagapplication",
    ),
    _row(
        "review_flags",
        _("give the township's first review of an application"),
        (Role.TS,),
        "assessments.review_flagapplication",
    ),
    _row(
        "recheck_flags",
        _("recheck applications for the flags one leads"),
        (Role.LD,),
        "assessments.recheck_flagapplication",
    ),
    _row(
        "decide_flags",
        _("enter the panel and the decision, start the notice, prepare flags and revocations"),
        (Role.CS,),
        "assessments.decide_flagapplication",
        "assessments.prepare_flagaward",
        "assessments.revoke_flagaward",
    ),
    _row(
        "object_flags",
        _("enter objections against a flag in public notice"),
        (Role.CS, Role.TS),
        "assessments.add_flagobjection",
    ),
    _row("decide_objections", _("decide objections against a flag"), COUNTY, "assessments.decide_flagobjection"),
    _row(
        "approve_flags",
        _("approve flags and revocations"),
        (Role.CL,),
        "assessments.approve_flagaward",
        "assessments.approve_flagrevocation",
    ),
    _row(
        "see_pay",
        _("see pay sheets, their lines, rates and rules"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "assessments.view_payrules",
        "assessments.view_upliftrate",
        "assessments.view_paysheet",
        "assessments.view_payline",
    ),
    _row(
        "prepare_pay",
        _("enter rates and rules of pay, prepare pay sheets, hand them to the finance office, read its answer"),
        (Role.CS,),
        "assessments.add_payrules",
        "assessments.add_upliftrate",
        "assessments.prepare_paysheet",
        "assessments.export_paysheet",
        "assessments.settle_paysheet",
    ),
    _row("sign_pay", _("sign the pay sheet of one's township"), (Role.TS,), "assessments.sign_paysheet"),
    _row(
        "approve_pay",
        _("approve rates, rules of pay and pay sheets"),
        (Role.CL,),
        "assessments.approve_payrules",
        "assessments.approve_upliftrate",
        "assessments.approve_paysheet",
    ),
    _row(
        "see_year",
        _("see yearly assessments of villages, their items and meetings"),
        BUSINESS,
        "assessments.view_yearassessment",
        "assessments.view_villageyear",
        "assessments.view_departmentscore",
        "assessments.view_satisfactionsurvey",
        "assessments.view_yearitem",
    ),
    _row(
        "see_cadre_years",
        _("see the yearly results of cadres and report-and-comment meetings"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "assessments.view_personalscore",
        "assessments.view_cadreresult",
        "assessments.view_commentmeeting",
    ),
    _row(
        "run_year",
        _("open and compute yearly assessments, enter surveys and other grades"),
        (Role.CS,),
        "assessments.add_yearassessment",
        "assessments.change_yearassessment",
        "assessments.compute_yearassessment",
        "assessments.add_satisfactionsurvey",
        "assessments.change_cadreresult",
    ),
    _row(
        "score_departments",
        _("enter the scores of county departments"),
        (Role.CS, Role.LD),
        "assessments.add_departmentscore",
    ),
    _row(
        "score_cadres",
        _("enter personal scores, votes and report-and-comment meetings"),
        (Role.CS, Role.TS),
        "assessments.add_personalscore",
        "assessments.add_commentmeeting",
        "assessments.add_yearitem",
        "assessments.change_yearitem",
    ),
    _row("publish_year", _("publish yearly assessments"), (Role.CL,), "assessments.publish_yearassessment"),
    _row(
        "confirm_meetings",
        _("confirm the record of a report-and-comment meeting"),
        COUNTY,
        "assessments.confirm_commentmeeting",
    ),
    _row(
        "see_proposals",
        _("see for whom conditions of the discipline ladder are met"),
        (Role.CS, Role.CL, Role.TS, Role.RI),
        "assessments.view_disciplineproposal",
    ),
    _row(
        "decide_proposals",
        _("follow a discipline proposal or not"),
        (Role.CS, Role.TS),
        "assessments.decide_disciplineproposal",
    ),
    _row(
        "export",
        _("export without sensitive data"),
        BUSINESS,
        "assessments.export_result",
        "imports.view_exportfile",
        "imports.ask_exportfile",
    ),
    _row(
        "export_numbers",
        _("export identity numbers of up to 50 people with a purpose, of more with approval"),
        (Role.CS, Role.TS),
        "imports.export_numbers",
        "imports.ask_numbers",
    ),
    _row("ask_numbers", _("export identity numbers with approval"), (Role.RI,), "imports.ask_numbers"),
    _row(
        "approve_export",
        _("approve exports with identity numbers"),
        (Role.CL,),
        "imports.approve_exportfile",
    ),
)


@cache
def permissions_of(role: Role) -> frozenset[str]:
    return frozenset(p for row in MATRIX if role in row.roles for p in row.permissions)


@cache
def roles_with(permission: str) -> frozenset[Role]:
    return frozenset(role for row in MATRIX if permission in row.permissions for role in row.roles)


def all_permissions() -> frozenset[str]:
    return frozenset(p for row in MATRIX for p in row.permissions)

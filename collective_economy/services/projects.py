"""A project on its way through the ten stages: proposed, planned, signed, reviewed, approved, built, accepted, stopped.

Rule: docs/rules/projects.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Case, DecimalField, F, Sum, When
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy import stages
from collective_economy.models import (
    BudgetLine,
    Instalment,
    LedgerEntry,
    Milestone,
    Payment,
    Programme,
    Project,
    ProjectChange,
    ProjectShare,
    ProjectSource,
    ProjectStep,
    ReviewOpinion,
    Stage,
)
from collective_economy.models.ledger import INCOME
from collective_economy.models.programmes import SUPPORT
from collective_economy.sharing import allocate, sums_to_whole

CENT = Decimal("0.01")
DEFAULT_INSTALMENTS: dict[str, Decimal] = {
    Instalment.Condition.START: Decimal(30),
    Instalment.Condition.PROGRESS: Decimal(50),
    Instalment.Condition.ACCEPTANCE: Decimal(17),
    Instalment.Condition.RETENTION: Decimal(3),
}
"""Percent of the support money (handbook 6.2)."""

PLAN_STAGES = (Stage.POOL, Stage.APPLY)
"""While the plan can still be written freely. The panel and the county decide on what was handed in, so before them it
stands still; after the approval it is changed by `change_approved`."""
BEFORE_APPROVAL = (Stage.REVIEW, Stage.APPROVE)
WORDS_OF_COURSE = frozenset(
    {
        "location", "lead_unit", "responsible_name", "responsible_phone", "partner", "partner_number", "procurement",
        "started_on", "progress_percent", "progress_note", "accepted_on", "acceptance_panel", "acceptance_problems",
        "acceptance_closed_on", "actual_cost", "evaluated_on", "actual_income", "actual_job_count",
        "satisfaction_percent", "audited_on",
    }
)  # fmt: skip
"""Fields of a project that follow its course, open after the approval too."""
DAYS_OF_COURSE = ("started_on", "accepted_on", "acceptance_closed_on", "evaluated_on", "audited_on")
MOST_PERCENT = Decimal("9999.99")
"""What the extent of a change can be kept as."""


# --- Proposing and planning -------------------------------------------------------------------


@transaction.atomic
def propose_project(
    *, fields: Mapping[str, Any], shares: Mapping[Unit, Decimal], by: User, today: date, now: datetime
) -> Project:
    """A project in the pool, for the villages named with their percent.

    `fields` are fields of Project by name. Raises ValidationError "no_village", "not_a_village", "no_share",
    "shares_not_whole", "number_taken", "other_programme".
    """
    _check_shares(shares)
    if Project.objects.filter(number=fields["number"], year=fields["year"]).exists():
        raise ValidationError({"number": ValidationError(_("This number is taken in that year."), "number_taken")})
    place = place_of(list(shares))
    programme: Programme | None = fields.get("programme")
    _check_programme(programme, place)
    project = Project(
        **fields,
        unit=place,
        path=place.path,
        subject=programme.subject if programme else "F3",
        stage=Stage.POOL,
        stage_since=today,
        pooled_on=today,
        entered_by=by,
    )
    project.save()
    _write_shares(project, shares)
    _step(project, "", Stage.POOL, by=by, today=today, now=now)
    audit.record(
        "collective_economy.add_project",
        actor=by,
        target=project,
        unit=project.path,
        changes={"name": [None, project.name], "shares": [None, _told_shares(shares)]},
    )
    return project


@transaction.atomic
def change_project(
    project: Project,
    *,
    values: Mapping[str, Any],
    base: int,
    by: User,
    reason: str = "",
    today: date | None = None,
) -> Project:
    """Other values of fields by name; once the plan was handed in only those that follow the course.

    Another plan takes the township's signature back. Days of the course do not lie after `today`, where it is given.
    Raises ValidationError "finished", "in_review", "approved_plan", "other_programme", "in_future",
    "before_approval", "before_work", Conflict when somebody else saved it meanwhile.
    """
    locked = _locked(project)
    _refuse_finished(locked)
    differing = {name: value for name, value in values.items() if getattr(locked, name) != value}
    of_plan = differing.keys() - WORDS_OF_COURSE
    if locked.stage in BEFORE_APPROVAL:
        # From which programme it is paid is the county's choice, not part of what was handed in.
        of_plan -= {"programme"}
    if of_plan:
        _check_plan_is_open(locked)
    if "programme" in differing:
        _check_programme(differing["programme"], locked.unit)
    _check_course(locked, differing, today)
    claim_version(locked, base)
    unsigned = _unsign(locked) if of_plan else {}
    told = {name: [_plain(getattr(locked, name)), _plain(value)] for name, value in differing.items()}
    for name, value in differing.items():
        setattr(locked, name, value)
    if "programme" in differing:
        locked.subject = locked.programme.subject if locked.programme else "F3"
    locked.save(update_fields=[*differing, "subject"])
    audit.record(
        "collective_economy.change_project",
        actor=by,
        target=locked,
        unit=locked.path,
        changes=told | unsigned,
        reason=reason,
    )
    return locked


@transaction.atomic
def set_shares(project: Project, shares: Mapping[Unit, Decimal], *, by: User, base: int | None = None) -> Project:
    """Other villages or percents, until it is handed in. Raises ValidationError as `propose_project`, "in_review",
    "approved_plan"; Conflict where `base` is given and somebody else saved it meanwhile."""
    _check_shares(shares)
    locked = _open_plan(project, base)
    before = {share.unit: share.percent for share in locked.shares.select_related("unit")}
    place = place_of(list(shares))
    _check_programme(locked.programme, place)
    locked.unit, locked.path = place, place.path
    locked.save(update_fields=["unit", "path"])
    # What moved under an earlier approval, and its papers, lie where the project lies.
    locked.payments.update(path=place.path)
    locked.attachments.update(path=place.path)
    locked.shares.all().delete()
    _write_shares(locked, shares)
    _tell_plan(locked, by, shares=[_told_shares(before), _told_shares(shares)], **_unsign(locked))
    return locked


@transaction.atomic
def set_requested(
    project: Project,
    amounts: Mapping[str, Decimal],
    *,
    by: User,
    due_on: Mapping[str, date] | None = None,
    base: int | None = None,
) -> Project:
    """Yuan asked for by source, until it is handed in. `due_on`: by when the project's own money has to be there.

    Raises ValidationError "negative", "in_review", "approved_plan"; Conflict where `base` is given and somebody else
    saved it meanwhile.
    """
    locked = _open_plan(project, base)
    before = {source.source: source.requested for source in locked.sources.all()}
    given = _write_requested(locked, amounts, due_on or {})
    _tell_plan(locked, by, requested=[_told(before), _told(given)], **_unsign(locked))
    return locked


def _write_requested(
    project: Project, amounts: Mapping[str, Decimal], due_on: Mapping[str, date]
) -> dict[str, Decimal]:
    given = {source: amount for source, amount in amounts.items() if amount}
    if any(amount < 0 for amount in given.values()):
        raise ValidationError(_("An amount is not below 0."), "negative")
    unused = project.sources.exclude(source__in=given)
    unused.filter(approved=0).delete()
    unused.update(requested=0)
    for source, amount in given.items():
        ProjectSource.objects.update_or_create(
            project=project, source=source, defaults={"requested": amount, "due_on": due_on.get(source)}
        )
    return given


@transaction.atomic
def set_budget(project: Project, lines: Sequence[tuple[str, Decimal]], *, by: User) -> Project:
    """What the money is planned for, item by item, until it is handed in.

    Raises ValidationError "negative", "same_item", "item_used", "below_paid" for an item that money was paid for,
    "in_review", "approved_plan".
    """
    locked = _open_plan(project)
    before = {line.item: line.amount for line in locked.budget.all()}
    _write_budget(locked, lines)
    _tell_plan(locked, by, budget=[_told(before), _told(dict(lines))], **_unsign(locked))
    return locked


def _write_budget(project: Project, lines: Sequence[tuple[str, Decimal]]) -> None:
    if any(amount <= 0 for _item, amount in lines):
        raise ValidationError(_("The amount of a budget item is above 0."), "negative")
    if len({item for item, _amount in lines}) != len(lines):
        raise ValidationError(_("An item stands twice in the budget."), "same_item")
    given = dict(lines)
    gone = project.budget.exclude(item__in=given)
    used = gone.filter(payments__isnull=False).first()
    if used is not None:
        words = _("Money was paid for %(item)s; the item stays in the budget.")
        raise ValidationError(words, "item_used", {"item": used.item})
    for item, paid in paid_by_item(project).items():
        if given.get(item, paid) < paid:
            words = _("%(item)s: %(paid)s yuan were paid already; the item does not fall below that.")
            raise ValidationError(words, "below_paid", {"item": item, "paid": f"{paid:,.2f}"})
    gone.delete()
    for item, amount in given.items():
        BudgetLine.objects.update_or_create(project=project, item=item, defaults={"amount": amount})


def paid_by_item(project: Project) -> dict[str, Decimal]:
    """Yuan that confirmed payments took from each budget item, what was taken back taken off. One query."""
    signed = Case(When(reverses__isnull=True, then=F("amount")), default=-F("amount"))
    rows = project.payments.filter(
        state=Payment.State.CONFIRMED, kind=Payment.Kind.PAYMENT, budget_line__isnull=False
    ).order_by()
    sums = rows.values_list("budget_line__item").annotate(sum=Sum(signed, output_field=DecimalField()))
    return {item: total.quantize(CENT) for item, total in sums}


@transaction.atomic
def add_milestone(project: Project, *, name: str, due_on: date, by: User) -> Milestone:
    locked = _locked(project)
    _refuse_finished(locked)
    milestone = Milestone.objects.create(project=locked, name=name, due_on=due_on)
    _tell_plan(locked, by, milestone=[None, f"{name} {due_on}"])
    return milestone


@transaction.atomic
def finish_milestone(milestone: Milestone, *, done_on: date, note: str, by: User, today: date) -> Milestone:
    """Raises ValidationError "finished", "done_already", "in_future"."""
    locked = Milestone.objects.select_for_update(of=("self",)).select_related("project").get(pk=milestone.pk)
    _refuse_finished(locked.project)
    if locked.done_on is not None:
        raise ValidationError(_("This milestone is done already."), "done_already")
    if done_on > today:
        raise ValidationError({"done_on": ValidationError(_("This day is still to come."), "in_future")})
    locked.done_on, locked.note = done_on, note
    locked.save(update_fields=["done_on", "note"])
    _tell_plan(locked.project, by, milestone=[locked.name, f"{done_on}"])
    return locked


# --- The way through the stages ---------------------------------------------------------------


def facts_of(project: Project) -> stages.Facts:
    """What the gates ask, read from the rows of the project. Nine queries."""
    sources = list(project.sources.all())
    decision = project.decision
    steps = ("proposed_on", "discussed_on", "examined_on", "resolved_on", "decision_published_on")
    agreeing = project.opinions.filter(round=review_round(project), agrees=True).values_list("department", flat=True)
    contracts = set(project.contracts.filter(ended_on__isnull=True).values_list("kind", flat=True))
    return stages.Facts(
        decision_steps=sum(getattr(decision, step) is not None for step in steps)
        if decision and not decision.is_void
        else 0,
        requested=sum((source.requested for source in sources), Decimal(0)),
        shares_are_whole=sums_to_whole(list(project.shares.values_list("percent", flat=True))),
        has_plan=None not in (project.start_on, project.finish_on, project.expected_income),
        has_risk_and_sharing=bool(project.risk and project.risk_note and project.benefit_sharing),
        is_signed=project.signed_on is not None,
        agreeing=frozenset(agreeing),
        # One that came back to be decided anew still has its first approval, which opens nothing.
        is_approved=project.stage in stages.WITH_MONEY and any(source.approved for source in sources),
        has_procurement=bool(project.procurement),
        has_contract="build" in contracts or project.procurement in ("own", "labour"),
        is_started=project.started_on is not None,
        progress_percent=project.progress_percent,
        open_milestones=project.milestones.filter(done_on__isnull=True).count(),
        received=sum((source.received for source in sources), Decimal(0)),
        is_accepted=project.accepted_on is not None and bool(project.acceptance_panel),
        has_actual_cost=project.actual_cost is not None,
        acceptance_is_clear=not project.acceptance_problems or project.acceptance_closed_on is not None,
        asset_count=project.assets.count(),
        earns=bool(contracts - {"build"}) or _income_of(project) > 0,
        is_evaluated=None not in (project.evaluated_on, project.actual_income, project.satisfaction_percent),
        is_audited=project.audited_on is not None,
        open_findings=project.findings.filter(closed_on__isnull=True).count(),
    )


def _income_of(project: Project) -> Decimal:
    """Yuan in the ledgers that name the project, what was taken back taken off."""
    entries = LedgerEntry.objects.filter(project=project, category__in=INCOME)
    return entries.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def review_round(project: Project) -> int:
    """Which time the project is being reviewed: 1, and one more for each time it came back."""
    return 1 + project.changes.filter(went_back=True).count()


@transaction.atomic
def move_on(project: Project, *, by: User, today: date, now: datetime, note: str = "") -> Project:
    """To the next stage. Raises ValidationError "finished", "gate_closed" with everything that is missing.

    The gate of "notice and approval" is opened by `approve_project`.
    """
    locked = _locked(project)
    _refuse_finished(locked)
    missing = stages.missing(locked.stage, facts_of(locked))
    if missing:
        raise ValidationError(
            [ValidationError(_("Still missing: %(what)s"), "gate_closed", {"what": each.label}) for each in missing]
        )
    following = stages.next_of(locked.stage)
    assert following is not None, "a project that is not finished has a next stage"
    _go(locked, following, by=by, today=today, now=now, note=note)
    return locked


@transaction.atomic
def sign_project(project: Project, *, by: User, today: date) -> Project:
    """The township has checked the application. Raises ValidationError "not_applying", "signed", PermissionDenied
    for who entered the project."""
    locked = _locked(project)
    if locked.stage != Stage.APPLY:
        raise ValidationError(_("An application is signed while it is in the stage of application."), "not_applying")
    if locked.signed_on is not None:
        raise ValidationError(_("The township has signed already."), "signed")
    if locked.entered_by_id == by.pk:
        raise PermissionDenied(_("Who entered a project does not sign it."))
    locked.signed_by, locked.signed_on = by, today
    locked.version += 1
    locked.save(update_fields=["signed_by", "signed_on", "version"])
    audit.record(
        "collective_economy.sign_project",
        actor=by,
        target=locked,
        unit=locked.path,
        changes={"signed": [None, str(today)]},
    )
    return locked


@transaction.atomic
def record_opinion(
    project: Project,
    *,
    department: str,
    reviewer: str,
    score: Decimal,
    agrees: bool,
    opinion: str,
    on: date,
    by: User,
) -> ReviewOpinion:
    """What a department of the panel says, once in each round. Raises ValidationError "not_in_review", "given"."""
    locked = _locked(project)
    if locked.stage != Stage.REVIEW:
        raise ValidationError(_("Opinions are entered while the project is in review."), "not_in_review")
    number = review_round(locked)
    if locked.opinions.filter(round=number, department=department).exists():
        raise ValidationError(_("This department has given its opinion in this round."), "given")
    row = ReviewOpinion.objects.create(
        project=locked,
        round=number,
        department=department,
        reviewer=reviewer,
        score=score,
        agrees=agrees,
        opinion=opinion,
        on=on,
        entered_by=by,
    )
    audit.record(
        "collective_economy.add_reviewopinion",
        actor=by,
        target=row,
        unit=locked.path,
        changes={"department": [None, department], "agrees": [None, agrees], "score": [None, f"{score:f}"]},
    )
    return row


@transaction.atomic
def return_to_apply(project: Project, *, reason: str, by: User, today: date, now: datetime) -> Project:
    """The panel sends an application back with its reason; the township signs anew. Raises ValidationError
    "not_in_review", "no_reason"."""
    locked = _locked(project)
    if locked.stage not in (Stage.REVIEW, Stage.APPROVE):
        raise ValidationError(_("Only a project in review or notice is sent back."), "not_in_review")
    if not reason.strip():
        raise ValidationError({"note": ValidationError(_("Say what has to be put right."), "no_reason")})
    ProjectChange.objects.create(
        project=locked, what=_("sent back to application"), reason=reason, percent=0, went_back=True, on=today, by=by
    )
    locked.signed_by = locked.signed_on = None
    locked.save(update_fields=["signed_by", "signed_on"])
    _go(locked, Stage.APPLY, by=by, today=today, now=now, note=reason)
    return locked


@dataclass(frozen=True, kw_only=True)
class Approval:
    """The county's decision: yuan by source, its document, and the notice before it."""

    amounts: Mapping[str, Decimal]
    document: str
    notice_from: date
    notice_to: date
    plan_code: str = ""


@transaction.atomic
def approve_project(project: Project, approval: Approval, *, by: User, today: date, now: datetime) -> Project:
    """The approved money by source is fixed, its instalments are planned, and the project may begin.

    Raises ValidationError "not_in_approval", "no_money", "no_document", "notice_open", "no_programme",
    "beyond_programme", "below_received", PermissionDenied for who entered the project or handed its plan in.
    """
    locked = _locked(project)
    if locked.stage != Stage.APPROVE:
        raise ValidationError(_("A project is approved after the review, in the stage of notice."), "not_in_approval")
    if by.pk in makers_of(locked):
        raise PermissionDenied(_("Who entered a project does not approve it. Ask a colleague or a leader."))
    given = _checked_approval(approval, today)
    locked.approved_by, locked.approved_on = by, today
    locked.approval_document, locked.plan_code = approval.document, approval.plan_code
    locked.notice_from, locked.notice_to = approval.notice_from, approval.notice_to
    locked.save(
        update_fields=["approved_by", "approved_on", "approval_document", "plan_code", "notice_from", "notice_to"]
    )
    _fix_sources(locked, given)
    _plan_instalments(locked)
    audit.record(
        "collective_economy.approve_project",
        actor=by,
        target=locked,
        unit=locked.path,
        changes={"approved": [None, _told(given)], "document": [None, approval.document]},
    )
    _go(locked, Stage.IMPLEMENT, by=by, today=today, now=now, document=approval.document)
    return locked


def makers_of(project: Project) -> set[int]:
    """Keys of who proposed the project and who last handed in what is to be approved; neither approves it."""
    handed_in = project.steps.filter(
        came_from__in=(Stage.APPLY, *stages.IN_WORK), went_to__in=BEFORE_APPROVAL
    ).values_list("by_id", flat=True)
    return {project.entered_by_id, *handed_in.order_by("-pk")[:1]}


def _checked_approval(approval: Approval, today: date) -> dict[str, Decimal]:
    given = {source: amount for source, amount in approval.amounts.items() if amount}
    if not given or any(amount < 0 for amount in given.values()):
        raise ValidationError(_("Enter the approved amount of at least one source, above 0."), "no_money")
    if not approval.document.strip():
        raise ValidationError({"document": ValidationError(_("Enter the document it rests on."), "no_document")})
    if not approval.notice_from <= approval.notice_to < today:
        words = _("The notice has to be over before the approval: enter its first and last day.")
        raise ValidationError({"notice_to": ValidationError(words, "notice_open")})
    return given


def _fix_sources(project: Project, given: Mapping[str, Decimal]) -> None:
    """The approved amounts by source. Locks the programme's money, so that two approvals do not use the same yuan."""
    grants = {}
    if any(source in SUPPORT for source in given):
        if project.programme is None or project.programme.confirmed_by_id is None:
            words = _("Support money needs a confirmed programme. Choose one for the project first.")
            raise ValidationError(words, "no_programme")
        grants = {grant.source: grant for grant in project.programme.sources.select_for_update().order_by("pk")}
    held = {row.source: row for row in project.sources.select_for_update().order_by("pk")}
    for source, amount in given.items():
        row = held.pop(source, None) or ProjectSource(project=project, source=source)
        grant = grants.get(source)
        own = row.approved if grant and row.programme_source_id == grant.pk else Decimal(0)
        left = grant.amount - grant.allocated + own if grant else Decimal(0)
        if source in SUPPORT and amount > left:
            words = _("%(source)s: only %(left)s yuan of the programme are left.")
            raise ValidationError(
                words, "beyond_programme", {"source": row.get_source_display(), "left": f"{left:,.2f}"}
            )
        if amount < row.received:
            words = _("%(source)s: %(received)s yuan were handed out already; recall them first.")
            told = {"source": row.get_source_display(), "received": f"{row.received:,.2f}"}
            raise ValidationError(words, "below_received", told)
        row.programme_source, row.approved = grant, amount
        if row.pk:
            row.save(update_fields=["programme_source", "approved"])
        else:
            row.save()
    for row in held.values():
        if row.received:
            words = _("%(source)s: %(received)s yuan were handed out already; recall them first.")
            told = {"source": row.get_source_display(), "received": f"{row.received:,.2f}"}
            raise ValidationError(words, "below_received", told)
        row.approved = Decimal(0)
        row.save(update_fields=["approved"])


def _plan_instalments(project: Project) -> None:
    """30, 50, 17 and 3 percent of the support money, to the cent; days from the plan unless given before."""
    support = project.sources.filter(source__in=SUPPORT).aggregate(sum=Sum("approved"))["sum"] or Decimal(0)
    planned = {row.condition: row for row in project.instalments.all()}
    percents = {condition: planned[condition].percent if condition in planned else percent
                for condition, percent in DEFAULT_INSTALMENTS.items()}  # fmt: skip
    parts = allocate(support.quantize(Decimal("0.01")), list(percents.values()))
    days = _instalment_days(project)
    for (condition, percent), amount in zip(percents.items(), parts, strict=True):
        row = planned.get(condition) or Instalment(project=project, condition=condition)
        row.percent, row.amount, row.due_on = percent, amount, row.due_on or days[condition]
        row.save()


def _instalment_days(project: Project) -> dict[str, date | None]:
    """The start, 60 % of the planned time, the finish, and a year after it."""
    start, finish = project.start_on, project.finish_on
    if start is None or finish is None:
        return dict.fromkeys(DEFAULT_INSTALMENTS)
    return {
        Instalment.Condition.START: start,
        Instalment.Condition.PROGRESS: start + (finish - start) * 6 // 10,
        Instalment.Condition.ACCEPTANCE: finish,
        Instalment.Condition.RETENTION: stages.leaves_pool_on(finish).replace(year=finish.year + 1),
    }


@transaction.atomic
def change_approved(
    project: Project,
    *,
    values: Mapping[str, Any],
    what: str,
    reason: str,
    document: str,
    by: User,
    today: date,
    now: datetime,
    percent: Decimal = Decimal(0),
    requested: Mapping[str, Decimal] | None = None,
    budget: Sequence[tuple[str, Decimal]] | None = None,
) -> ProjectChange:
    """A change of what was approved. From 20 percent on the project goes back to review and is approved anew.

    `values` are fields of the plan by name, `requested` yuan by source instead of what is approved, `budget` all items
    anew. How far money, budget and planned time change is computed; `percent` is how far the content does, as it is
    judged; the largest counts. Money that changes by less is approved anew without a review. Raises ValidationError
    "not_approved", "no_reason", "payments_wait", and as `set_requested`, `set_budget`.
    """
    locked = _locked(project)
    if locked.stage not in stages.IN_WORK:
        raise ValidationError(_("Only a project that is being built is changed like this."), "not_approved")
    if not what.strip() or not reason.strip():
        raise ValidationError(_("Say what changes and why."), "no_reason")
    percent = min(max(percent, extent_of(locked, values, requested, budget)), MOST_PERCENT)
    told: dict[str, Any] = {}
    has_other_money = requested is not None and _told(_given(requested)) != _told(_approved(locked))
    if requested is not None and has_other_money:
        told["requested"] = [_told(_approved(locked)), _told(_given(requested))]
        due_on = {row.source: row.due_on for row in locked.sources.all() if row.due_on}
        _write_requested(locked, requested, due_on)
    if budget is not None:
        told["budget"] = [_told({line.item: line.amount for line in locked.budget.all()}), _told(dict(budget))]
        _write_budget(locked, budget)
    told |= {name: [_plain(getattr(locked, name)), _plain(value)] for name, value in values.items()}
    for name, value in values.items():
        setattr(locked, name, value)
    locked.version += 1
    locked.save(update_fields=[*values, "version"])
    went_back = stages.goes_back(percent)
    change = ProjectChange.objects.create(
        project=locked,
        what=what,
        reason=reason,
        percent=percent,
        document=document,
        went_back=went_back,
        on=today,
        by=by,
    )
    audit.record(
        "collective_economy.change_approved_project",
        actor=by,
        target=locked,
        unit=locked.path,
        changes=told | {"what": [None, what], "percent": [None, f"{percent:f}"]},
        reason=reason,
    )
    if went_back or has_other_money:
        _refuse_waiting_payments(locked)
        stage = Stage.REVIEW if went_back else Stage.APPROVE
        _go(locked, stage, by=by, today=today, now=now, document=document, note=reason)
    return change


def extent_of(
    project: Project,
    values: Mapping[str, Any],
    requested: Mapping[str, Decimal] | None,
    budget: Sequence[tuple[str, Decimal]] | None,
) -> Decimal:
    """Percent by which money, budget or planned time of an approved project would change, whichever is most."""
    found = [Decimal(0)]
    if requested is not None:
        before, after = (sum(money.values(), Decimal(0)) for money in (_approved(project), requested))
        found.append(stages.extent(before, after))
    if budget is not None:
        items = {line.item: line.amount for line in project.budget.all()}
        found.append(stages.moved(items, dict(budget)))
    start, finish = values.get("start_on", project.start_on), values.get("finish_on", project.finish_on)
    if None not in (start, finish, project.start_on, project.finish_on):
        found.append(
            stages.extent(
                Decimal(stages.days_planned(project.start_on, project.finish_on)),  # type: ignore[arg-type]
                Decimal(stages.days_planned(start, finish)),
            )
        )
    return max(found)


def _approved(project: Project) -> dict[str, Decimal]:
    return {row.source: row.approved for row in project.sources.all() if row.approved}


def _given(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {source: amount.quantize(CENT) for source, amount in amounts.items() if amount}


@transaction.atomic
def stop_project(project: Project, *, document: str, reason: str, by: User, today: date, now: datetime) -> Project:
    """The county ends the project and recalls what is left of its money: a recall waits for confirmation by another.

    Raises ValidationError "finished", "no_document", "payments_wait".
    """
    locked = _locked(project)
    _refuse_finished(locked)
    if not document.strip() or not reason.strip():
        raise ValidationError(_("Enter the document of the decision and the reason."), "no_document")
    _refuse_waiting_payments(locked)
    for source in locked.sources.select_for_update().order_by("pk"):
        if source.balance and source.source in SUPPORT:
            _enter_recall(locked, source, document, reason, by=by, today=today, now=now)
    locked.stop_document = document
    locked.save(update_fields=["stop_document"])
    _go(locked, Stage.STOPPED, by=by, today=today, now=now, document=document, note=reason)
    return locked


def _enter_recall(
    project: Project, source: ProjectSource, document: str, reason: str, *, by: User, today: date, now: datetime
) -> None:
    recall = Payment.objects.create(
        project=project,
        path=project.path,
        source=source,
        kind=Payment.Kind.RECALL,
        amount=source.balance,
        paid_on=today,
        summary=_("Recalled since the project was stopped"),
        voucher_number=document[:40],
        reason=reason[:200],
        entered_by=by,
        entered_at=now,
    )
    audit.record(
        "collective_economy.add_payment",
        actor=by,
        target=recall,
        unit=recall.path,
        changes={
            "kind": [None, recall.kind], "amount": [None, f"{recall.amount:f}"], "source": [None, source.source],
        },
        reason=reason,
    )  # fmt: skip


@transaction.atomic
def drop_from_pool(project: Project, *, by: User, today: date, now: datetime, note: str) -> Project:
    """Out of the pool: by hand with a note, or by the yearly revision after three years unused.

    Raises ValidationError "not_in_pool".
    """
    locked = _locked(project)
    if locked.stage != Stage.POOL:
        raise ValidationError(_("Only a project in the pool leaves it."), "not_in_pool")
    _go(locked, Stage.DROPPED, by=by, today=today, now=now, note=note)
    return locked


# --- Parts ------------------------------------------------------------------------------------


def place_of(villages: Sequence[Unit]) -> Unit:
    """The lowest unit that holds all the villages."""
    paths = [village.path for village in villages]
    common = paths[0]
    while not all(path.startswith(common) for path in paths):
        common = common[: -Unit.steplen]
    return villages[0] if common == villages[0].path else Unit.objects.get(path=common)


def _check_shares(shares: Mapping[Unit, Decimal]) -> None:
    if not shares:
        raise ValidationError(_("Choose at least one village."), "no_village")
    if any(unit.kind != Unit.Kind.VILLAGE for unit in shares):
        raise ValidationError(_("Only villages take part in a project."), "not_a_village")
    if any(percent <= 0 for percent in shares.values()):
        raise ValidationError(_("Every village has a share above 0."), "no_share")
    if not sums_to_whole(list(shares.values())):
        total = sum(shares.values(), Decimal(0))
        words = _("The shares of the villages sum to %(total)s %%, not to 100 %%.")
        raise ValidationError(words, "shares_not_whole", {"total": f"{total.normalize():f}"})


def _write_shares(project: Project, shares: Mapping[Unit, Decimal]) -> None:
    ProjectShare.objects.bulk_create(
        ProjectShare(project=project, unit=unit, path=unit.path, percent=percent) for unit, percent in shares.items()
    )


def _locked(project: Project) -> Project:
    return Project.objects.select_for_update(of=("self",)).get(pk=project.pk)


def _open_plan(project: Project, base: int | None = None) -> Project:
    locked = _locked(project)
    _refuse_finished(locked)
    _check_plan_is_open(locked)
    if base is not None:
        claim_version(locked, base)
    return locked


def _check_plan_is_open(project: Project) -> None:
    if project.stage in BEFORE_APPROVAL:
        words = _("The plan was handed in and is being decided on. Send the project back to change it.")
        raise ValidationError(words, "in_review")
    if project.stage not in PLAN_STAGES:
        raise ValidationError(
            _("The plan was approved. Enter what changes as a change of the project, with its reason."), "approved_plan"
        )


def _unsign(project: Project) -> dict[str, list[Any]]:
    """What the township signed is another plan now, so it signs anew. What to tell of it."""
    if project.signed_on is None:
        return {}
    told: dict[str, list[Any]] = {"signed_on": [str(project.signed_on), None]}
    project.signed_by = project.signed_on = None
    project.save(update_fields=["signed_by", "signed_on"])
    return told


def _check_programme(programme: Programme | None, place: Unit) -> None:
    """Money of one county does not pay projects of another."""
    if programme is not None and not place.path.startswith(programme.path):
        words = _("This programme belongs to another county.")
        raise ValidationError({"programme": ValidationError(words, "other_programme")})


def _refuse_waiting_payments(project: Project) -> None:
    if project.payments.filter(state=Payment.State.ENTERED).exists():
        raise ValidationError(
            _("Payments of this project wait for confirmation. Confirm or refuse them first."), "payments_wait"
        )


def _refuse_finished(project: Project) -> None:
    if project.stage in stages.FINISHED:
        raise ValidationError(_("This project is finished; nothing of it changes."), "finished")


def _check_course(project: Project, values: Mapping[str, Any], today: date | None) -> None:
    """Work begins after the approval, acceptance after the work, and nothing was done on a day to come."""
    for name in DAYS_OF_COURSE:
        if today is not None and values.get(name) and values[name] > today:
            raise ValidationError({name: ValidationError(_("This day is still to come."), "in_future")})
    started = values.get("started_on")
    if started and (project.approved_on is None or started < project.approved_on):
        words = _("Work begins after the approval, not before it.")
        raise ValidationError({"started_on": ValidationError(words, "before_approval")})
    accepted = values.get("accepted_on")
    begun = values.get("started_on", project.started_on)
    if accepted and (begun is None or accepted < begun):
        words = _("Acceptance comes after the work: enter when it began first.")
        raise ValidationError({"accepted_on": ValidationError(words, "before_work")})


def _go(
    project: Project, stage: str, *, by: User, today: date, now: datetime, document: str = "", note: str = ""
) -> None:
    before = project.stage
    project.stage, project.stage_since = stage, today
    project.version += 1
    project.save(update_fields=["stage", "stage_since", "version"])
    _step(project, before, stage, by=by, today=today, now=now, document=document, note=note)
    audit.record(
        "collective_economy.move_project",
        actor=by,
        target=project,
        unit=project.path,
        changes={"stage": [before, stage]},
        reason=note,
    )


def _step(
    project: Project,
    before: str,
    after: str,
    *,
    by: User,
    today: date,
    now: datetime,
    document: str = "",
    note: str = "",
) -> None:
    ProjectStep.objects.create(
        project=project, came_from=before, went_to=after, on=today, by=by, at=now, document=document, note=note[:200]
    )


def _tell_plan(project: Project, by: User, **changes: list[Any]) -> None:
    audit.record("collective_economy.change_project", actor=by, target=project, unit=project.path, changes=changes)


def _told(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: f"{amount:f}" for name, amount in amounts.items()}


def _told_shares(shares: Mapping[Unit, Decimal]) -> dict[str, str]:
    return {unit.name: f"{percent:f}" for unit, percent in shares.items()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else str(value)

"""What projects, their money, their assets and audits say of villages for the month and the flags.

A project is taken as it stood on the last day asked for: its stage by its steps, its milestones, payments and cards by
their days. A village without a project of the kind that is asked for is not in the answer. Rule:
docs/rules/economy-indicators.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from branches.indicators import Reading
from branches.months import first_of_window
from collective_economy import stages
from collective_economy.by_village import Asked, at_ids, cents, last_day, year_before
from collective_economy.income_sources import due_by_contract
from collective_economy.models import (
    Asset,
    AuditFinding,
    Instalment,
    LedgerEntry,
    Milestone,
    Payment,
    ProjectShare,
    ProjectStep,
)
from collective_economy.models.ledger import COUNTED_AS_OPERATING
from collective_economy.models.programmes import SUPPORT

Readings = Mapping[int, Reading]
UNDER_WORK = (*stages.IN_WORK, "accept")
IN_OPERATION = ("operate", "evaluate", "audit", "done")
GIVEN_UP = ("stopped", "dropped")
ACCEPTANCE_WITHIN = timedelta(days=90)
"""Of the planned finish; later, no industry flag (handbook 2.5)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A village's part in a project, and the project as it stood on a day."""

    project: int
    percent: Decimal
    stage: str
    finish_on: date | None
    accepted_on: date | None
    has_benefit_link: bool

    @property
    def is_under_work(self) -> bool:
        return self.stage in UNDER_WORK and self.accepted_on is None


def _stage_on(day: date) -> Case:
    """The stage of a share's project on `day`: where it has been since, or the last step up to then."""
    steps = ProjectStep.objects.filter(project=OuterRef("project"), on__lte=day).order_by("-on", "-pk")
    last_step = Coalesce(Subquery(steps.values("went_to")[:1]), Value("pool"), output_field=CharField())
    return Case(
        When(project__stage_since__lte=day, then=F("project__stage")), default=last_step, output_field=CharField()
    )


def _parts(asked: Asked, day: date, in_stages: Collection[str]) -> dict[int, list[Part]]:
    """Village -> its projects in one of these stages on `day`. One query."""
    shares = asked.at(ProjectShare.objects.annotate(stage=_stage_on(day)).filter(stage__in=list(in_stages)))
    found: dict[int, dict[int, Part]] = defaultdict(dict)
    for unit, project, percent, stage, finish, accepted, sharing, households in shares.values_list(
        "unit_id",
        "project_id",
        "percent",
        "stage",
        "project__finish_on",
        "project__accepted_on",
        "project__benefit_sharing",
        "project__household_count",
    ):
        if unit not in asked.owner:
            continue
        parts = found[asked.owner[unit]]
        former = parts[project].percent if project in parts else Decimal(0)
        accepted = accepted if accepted is not None and accepted <= day else None
        parts[project] = Part(project, former + percent, stage, finish, accepted, bool(sharing or households))
    return {pk: list(parts.values()) for pk, parts in found.items()}


def _project_ids(parts: Mapping[int, Iterable[Part]]) -> set[int]:
    return {part.project for held in parts.values() for part in held}


# --- Progress and payment -----------------------------------------------------------------------


def _days_late(parts: Mapping[int, Iterable[Part]], day: date) -> dict[int, int]:
    """Project under work -> days of its worst milestone; without milestones, of its planned finish. One query."""
    under_work = {part.project: part for held in parts.values() for part in held if part.is_under_work}
    rows = at_ids(Milestone.objects.order_by(), "project_id", under_work)
    due: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    for project, planned, done in rows.values_list("project_id", "due_on", "done_on"):
        due[project].append((planned, done))
    return {pk: stages.days_late(due.get(pk) or _finish(part), day) for pk, part in under_work.items()}


def _finish(part: Part) -> list[tuple[date, date | None]]:
    return [] if part.finish_on is None else [(part.finish_on, part.accepted_on)]


def project_days_late(village_ids: Collection[int], month: date) -> Readings:
    """C3: days that the project furthest behind is late on the last day of the month. Three queries."""
    day = last_day(month)
    parts = _parts(Asked.on(village_ids, day), day, UNDER_WORK)
    late = _days_late(parts, day)
    readings = {}
    for pk, held in parts.items():
        days = [late[part.project] for part in held if part.is_under_work]
        if days:
            note = _("%(count)d projects under work, %(late)d of them late")
            values = {"count": len(days), "late": sum(one > 0 for one in days)}
            readings[pk] = Reading(Decimal(max(days)), note=note % values)
    return readings


def _planned(project_ids: Collection[int], day: date) -> dict[int, Decimal]:
    """Project -> yuan of its instalments planned up to `day`. One query."""
    rows = at_ids(Instalment.objects.filter(due_on__lte=day).order_by(), "project_id", project_ids)
    return {row["project_id"]: cents(row["sum"]) for row in rows.values("project_id").annotate(sum=Sum("amount"))}


def _paid(project_ids: Collection[int], day: date) -> dict[int, Decimal]:
    """Project -> yuan of support money that it paid up to `day`, less what was taken back. One query."""
    payments = Payment.objects.filter(
        kind=Payment.Kind.PAYMENT, state=Payment.State.CONFIRMED, paid_on__lte=day, source__source__in=SUPPORT
    )
    rows = at_ids(payments.order_by(), "project_id", project_ids).values("project_id")
    is_reversal = Q(reverses__isnull=False)
    sums = rows.annotate(given=Sum("amount", filter=~is_reversal), taken_back=Sum("amount", filter=is_reversal))
    return {row["project_id"]: cents(row["given"]) - cents(row["taken_back"]) for row in sums}


def payment_progress(village_ids: Collection[int], month: date) -> Readings:
    """C4: support money paid ÷ instalments planned up to the end of the month, each project by the village's share.

    Four queries.
    """
    day = last_day(month)
    parts = _parts(Asked.on(village_ids, day), day, stages.WITH_MONEY)
    ids = _project_ids(parts)
    planned, paid = _planned(ids, day), _paid(ids, day)
    note = _("%(paid)s yuan paid of %(planned)s yuan planned, %(count)d projects")
    readings = {}
    for pk, held in parts.items():
        of_paid, of_planned = _by_share(held, paid), _by_share(held, planned)
        values = {"paid": f"{of_paid:.2f}", "planned": f"{of_planned:.2f}", "count": len(held)}
        readings[pk] = Reading(of_paid, of_planned, note % values)
    return readings


def _by_share(parts: Iterable[Part], amounts: Mapping[int, Decimal]) -> Decimal:
    """The village's yuan of these amounts, rounded once."""
    return cents(sum((part.percent * amounts.get(part.project, Decimal(0)) / 100 for part in parts), Decimal(0)))


def projects_on_schedule(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F3-4: things on schedule on the last day ÷ things looked at. Five queries.

    Of a project under work: no milestone is late. Of one whose instalments are due: as much is paid as was planned.
    """
    parts = _parts(Asked.on(village_ids, last), last, stages.WITH_MONEY)
    ids = _project_ids(parts)
    late, planned, paid = _days_late(parts, last), _planned(ids, last), _paid(ids, last)
    readings = {}
    for pk, held in parts.items():
        projects = [part.project for part in held]
        checks = [late[project] == 0 for project in projects if project in late]
        checks += [paid.get(project, Decimal(0)) >= planned[project] for project in projects if planned.get(project)]
        if checks:
            note = _("%(met)d of %(count)d on schedule, progress and payment of each project")
            readings[pk] = _counted(sum(checks), len(checks), note)
    return readings


def _counted(met: int, count: int, note: str) -> Reading:
    return Reading(Decimal(met), Decimal(count), note % {"met": met, "count": count})


def acceptance_overdue(village_ids: Collection[int], first: date, last: date) -> Readings:
    """Gate of F3: projects whose planned finish is more than 90 days ago and that were not accepted. Two queries."""
    parts = _parts(Asked.on(village_ids, last), last, UNDER_WORK)
    note = _("%(count)d projects with acceptance overdue by more than 90 days")
    readings = {}
    for pk in village_ids:
        count = sum(
            part.is_under_work and part.finish_on is not None and last - part.finish_on > ACCEPTANCE_WITHIN
            for part in parts.get(pk, ())
        )
        readings[pk] = Reading(Decimal(count), note=note % {"count": count})
    return readings


# --- Income of projects -------------------------------------------------------------------------


def _income_of(entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    """Operating income that names its project, itself or through the contract it was due by."""
    by_contract = Coalesce("project_id", "receivable__contract__project_id")
    return entries.filter(category__in=COUNTED_AS_OPERATING).annotate(earner=by_contract).filter(earner__isnull=False)


def first_income(village_ids: Collection[int], month: date) -> Readings:
    """P3: projects accepted within a year that brought the village operating income for the first time. Four queries.

    An entry that was taken back by the end of the month brought nothing. Only villages that have some.
    """
    day = last_day(month)
    asked = Asked.on(village_ids, day)
    is_taken_back = Exists(LedgerEntry.objects.filter(reverses=OuterRef("pk"), month__lte=month))
    entries = _income_of(LedgerEntry.objects.filter(~is_taken_back, reverses__isnull=True, amount__gt=0))
    of_month = asked.at(entries.filter(month=month)).values_list("unit_id", "earner").distinct()
    new = {(asked.owner[unit], project) for unit, project in of_month if unit in asked.owner}
    earlier = at_ids(entries.filter(month__lt=month).order_by(), "earner", {project for _pk, project in new})
    old = {(asked.owner.get(unit), project) for unit, project in earlier.values_list("unit_id", "earner").distinct()}
    parts = _parts(asked, day, (*UNDER_WORK, *IN_OPERATION))
    since = year_before(day)
    accepted = {
        (pk, part.project)
        for pk, held in parts.items()
        for part in held
        if part.accepted_on is not None and part.accepted_on > since
    }
    counts: dict[int, int] = defaultdict(int)
    for pk, _project in new & accepted - old:
        counts[pk] += 1
    note = _("%(count)d new projects with their first income")
    return {pk: Reading(Decimal(count), note=note % {"count": count}) for pk, count in counts.items()}


def projects_operating(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F2-2: projects with benefit link in operation that earn ÷ all of them, on the last day. Three queries.

    Rent and dividends often come once a year, so income of twelve months counts, and a project accepted within them is
    still starting and counts as one that earns.
    """
    parts = _parts(Asked.on(village_ids, last), last, IN_OPERATION)
    linked = {pk: [part for part in held if part.has_benefit_link] for pk, held in parts.items()}
    since = first_of_window(last, 12)
    entries = _income_of(LedgerEntry.objects.filter(month__gte=since, month__lte=last))
    rows = at_ids(entries.order_by(), "earner", _project_ids(linked)).values("earner").annotate(sum=Sum("amount"))
    earning = {row["earner"] for row in rows if cents(row["sum"]) > 0}
    started = year_before(last)
    note = _("%(met)d of %(count)d projects with benefit link in operation")
    readings = {}
    for pk, held in linked.items():
        met = sum(
            part.project in earning or (part.accepted_on is not None and part.accepted_on > started) for part in held
        )
        if held:
            readings[pk] = _counted(met, len(held), note)
    return readings


def project_income_as_agreed(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F2-3: projects whose income due by contract in the round all came, and was shared by rule ÷ all with some due.

    A finding that income was not shared by rule, still open on the last day, counts as a project that did not keep to
    it. Four queries.
    """
    asked = Asked.on(village_ids, last)
    kept: dict[int, dict[object, bool]] = defaultdict(dict)
    for due in due_by_contract(asked, first, last, Q(contract__project__isnull=False)):
        projects = kept[asked.owner[due.unit]]
        projects[due.project] = projects.get(due.project, True) and due.received == due.amount
    findings = asked.at(_open_on(AuditFinding.objects.filter(kind=AuditFinding.Kind.DISTRIBUTION), last))
    for unit, project, pk in findings.values_list("unit_id", "project_id", "pk"):
        if unit in asked.owner:
            kept[asked.owner[unit]][project or f"finding {pk}"] = False
    note = _("%(met)d of %(count)d projects paid as agreed")
    return {pk: _counted(sum(projects.values()), len(projects), note) for pk, projects in kept.items()}


# --- Assets -------------------------------------------------------------------------------------


def assets_unregistered(village_ids: Collection[int], month: date) -> Readings:
    """N5: projects accepted more than 30 days before the last day of the month and without an asset card by then.

    Only villages that have some. Two queries.
    """
    day = last_day(month)
    asked = Asked.on(village_ids, day)
    cards = Asset.objects.filter(project=OuterRef("project"), registered_on__lte=day)
    shares = ProjectShare.objects.filter(~Exists(cards), project__accepted_on__lt=day - stages.CARD_WITHIN)
    shares = shares.annotate(stage=_stage_on(day)).exclude(stage__in=GIVEN_UP)
    found: dict[int, set[int]] = defaultdict(set)
    for unit, project in asked.at(shares).values_list("unit_id", "project_id"):
        if unit in asked.owner:
            found[asked.owner[unit]].add(project)
    note = _("%(count)d accepted projects without asset card after 30 days")
    return {pk: Reading(Decimal(len(ids)), note=note % {"count": len(ids)}) for pk, ids in found.items()}


def project_assets_kept(village_ids: Collection[int], first: date, last: date) -> Readings:
    """F2-5: projects whose assets are registered and kept up ÷ projects accepted more than 30 days ago. Three queries.

    Kept up: no card of the project says damaged, and each was registered or checked within a year.
    """
    asked = Asked.on(village_ids, last)
    parts = _parts(asked, last, (*UNDER_WORK, *IN_OPERATION))
    accepted = {
        pk: [part for part in held if part.accepted_on is not None and last - part.accepted_on > stages.CARD_WITHIN]
        for pk, held in parts.items()
    }
    since = year_before(last)
    cards = Asset.objects.filter(registered_on__lte=last).exclude(state=Asset.State.DISPOSED).order_by()
    kept: dict[int, bool] = {}
    rows = at_ids(cards.filter(project__isnull=False), "project_id", _project_ids(accepted))
    for project, state, registered, checked in rows.values_list("project_id", "state", "registered_on", "checked_on"):
        is_kept = state != Asset.State.DAMAGED and max(registered, checked or registered) > since
        kept[project] = kept.get(project, True) and is_kept
    note = _("assets of %(met)d of %(count)d projects registered and kept up")
    return {
        pk: _counted(sum(kept.get(part.project, False) for part in held), len(held), note)
        for pk, held in accepted.items()
        if held
    }


# --- Audits -------------------------------------------------------------------------------------


def _open_on(findings: QuerySet[AuditFinding], day: date) -> QuerySet[AuditFinding]:
    return findings.filter(Q(closed_on__isnull=True) | Q(closed_on__gt=day), found_on__lte=day)


def _findings(asked: Asked, findings: QuerySet[AuditFinding]) -> dict[int, int]:
    """Village -> how many of these. One query."""
    counts: dict[int, int] = defaultdict(int)
    for unit in asked.at(findings).values_list("unit_id", flat=True):
        if unit in asked.owner:
            counts[asked.owner[unit]] += 1
    return counts


def findings_overdue(village_ids: Collection[int], month: date) -> Readings:
    """N4: findings past their day and not closed on the last day of the month. Two queries.

    One whose evidence was handed in by its day waits for who checks it, which is not the village's delay. Only
    villages that have some.
    """
    day = last_day(month)
    overdue = _open_on(AuditFinding.objects.filter(due_on__lt=day), day)
    in_time = Q(handed_in_on__isnull=False, handed_in_on__lte=F("due_on"))
    counts = _findings(Asked.on(village_ids, day), overdue.exclude(in_time))
    note = _("%(count)d audit findings past their day")
    return {pk: Reading(Decimal(count), note=note % {"count": count}) for pk, count in counts.items()}


def misuse_confirmed(village_ids: Collection[int], month: date) -> Readings:
    """V2: misuse, interception or false claim confirmed in the month. Only villages that have some. Two queries."""
    day = last_day(month)
    found = AuditFinding.objects.filter(
        kind=AuditFinding.Kind.MISUSE, is_confirmed=True, confirmed_on__gte=month, confirmed_on__lte=day
    )
    counts = _findings(Asked.on(village_ids, day), found)
    note = _("misuse of funds confirmed in the month")
    return {pk: Reading(Decimal(count), note=note) for pk, count in counts.items()}


def misuse_in_round(village_ids: Collection[int], first: date, last: date) -> Readings:
    """Gate of F3: misuse confirmed in the round, or before and not closed when it began. Two queries."""
    found = AuditFinding.objects.filter(
        Q(confirmed_on__gte=first) | Q(closed_on__isnull=True) | Q(closed_on__gte=first),
        kind=AuditFinding.Kind.MISUSE,
        is_confirmed=True,
        confirmed_on__lte=last,
    )
    counts = _findings(Asked.on(village_ids, last), found)
    note = _("%(count)d confirmed findings of misuse")
    return {pk: Reading(Decimal(counts.get(pk, 0)), note=note % {"count": counts.get(pk, 0)}) for pk in village_ids}

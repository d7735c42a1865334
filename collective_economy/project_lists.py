"""Projects as lists and boards show them: which are in sight, what of each is late. Constant queries.

Rule: docs/rules/projects.md, "Late".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Round

from collective_economy import stages
from collective_economy.lateness import BEFORE_ACCEPTANCE, Course, Due, Reason, reasons
from collective_economy.models import Instalment, Milestone, Payment, Project, ProjectShare, ProjectSource
from collective_economy.models.programmes import SUPPORT
from collective_economy.services.payments import PROGRESS_FROM

Condition = Instalment.Condition
ZERO = Decimal(0)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """A project with its money in yuan over all sources, and what of it is late."""

    project: Project
    shares: list[ProjectShare]
    requested: Decimal
    approved: Decimal
    received: Decimal
    paid: Decimal
    reasons: list[Reason]

    @property
    def is_late(self) -> bool:
        return any(reason.is_late for reason in self.reasons)


def lines_of(projects: Iterable[Project], day: date) -> list[Line]:
    """The projects, which `dressed` has fetched, in their order. One query."""
    held = list(projects)
    handed = handed_out([project.pk for project in held])
    lines = []
    for project in held:
        sources = list(project.sources.all())
        lines.append(
            Line(
                project,
                list(project.shares.all()),
                _sum(sources, "requested"),
                _sum(sources, "approved"),
                _sum(sources, "received"),
                _sum(sources, "paid"),
                reasons(course_of(project, handed, day), day),
            )
        )
    return lines


def dressed(rows: QuerySet[Project]) -> QuerySet[Project]:
    """With what `lines_of` reads. Four queries more, however many projects."""
    shares = ProjectShare.objects.select_related("unit").order_by("path")
    open_milestones = Milestone.objects.filter(done_on__isnull=True).order_by("due_on", "pk")
    return rows.select_related("programme", "unit").prefetch_related(
        Prefetch("shares", shares),
        Prefetch("milestones", open_milestones, to_attr="open_milestones"),
        "sources",
        "instalments",
    )


def course_of(project: Project, handed: Mapping[int, Decimal], day: date) -> Course:
    """What `lateness` asks on `day`. `handed`: key of an instalment -> yuan handed out of it. Reads prefetched rows."""
    sources = list(project.sources.all())
    milestones: list[Milestone] = getattr(project, "open_milestones", None) or [
        each for each in project.milestones.all() if each.done_on is None
    ]
    return Course(
        stage=project.stage,
        pooled_on=project.pooled_on,
        released_on=released_on(project, sources),
        started_on=project.started_on,
        start_on=project.start_on,
        finish_on=project.finish_on,
        accepted_on=project.accepted_on,
        milestones=[Due(each.name, each.due_on) for each in milestones],
        instalments=[
            Due(each.get_condition_display(), each.due_on, each.amount - handed.get(each.pk, ZERO))
            for each in project.instalments.all()
            if each.due_on and is_reached(project, each, day) and each.amount > handed.get(each.pk, ZERO)
        ],
        own_money=[
            Due(each.get_source_display(), each.due_on, each.approved - each.received)
            for each in sources
            if each.due_on and each.source not in SUPPORT and each.approved > each.received
        ],
        total=_sum(sources, "approved"),
        paid=_sum(sources, "paid"),
    )


def released_on(project: Project, sources: Iterable[ProjectSource]) -> date | None:
    """The later one of the programme's release and the approval; None where no support money was approved."""
    if project.approved_on is None or not any(each.approved for each in sources if each.source in SUPPORT):
        return None
    return max(project.approved_on, project.programme.released_on) if project.programme else project.approved_on


def is_reached(project: Project, instalment: Instalment, day: date) -> bool:
    """Whether what an instalment waits for had come by `day`."""
    accepted = project.accepted_on
    return {
        Condition.START: project.started_on is not None,
        Condition.PROGRESS: project.progress_percent >= PROGRESS_FROM,
        Condition.ACCEPTANCE: accepted is not None,
        Condition.RETENTION: accepted is not None and stages.anniversary(accepted, 1) <= day,
    }[Condition(instalment.condition)]


def handed_out(projects: Collection[int]) -> dict[int, Decimal]:
    """Key of an instalment -> yuan of confirmed receipts, what was taken back taken off. One query."""
    signed = Case(When(reverses__isnull=True, then=F("amount")), default=-F("amount"))
    rows = Payment.objects.filter(
        project__in=projects, state=Payment.State.CONFIRMED, kind=Payment.Kind.RECEIPT, instalment__isnull=False
    ).order_by()
    sums = rows.values_list("instalment").annotate(sum=Sum(signed, output_field=DecimalField()))
    return {key: total.quantize(CENT) for key, total in sums}


def _sum(sources: Iterable[ProjectSource], name: str) -> Decimal:
    return sum((getattr(each, name) for each in sources), ZERO)


# --- Which are late, asked of the database ----------------------------------------------------


def late_on(day: date) -> Q:
    """Projects of which something is past its day: the same that `lateness.reasons` calls late."""
    long_ago = day - stages.START_WITHIN
    has_support = Exists(ProjectSource.objects.filter(project=OuterRef("pk"), source__in=SUPPORT, approved__gt=0))
    milestone = Exists(Milestone.objects.filter(project=OuterRef("pk"), done_on__isnull=True, due_on__lt=day))
    own_money = Exists(
        ProjectSource.objects.filter(project=OuterRef("pk"), due_on__lt=day, received__lt=F("approved")).exclude(
            source__in=SUPPORT
        )
    )
    return (
        Q(stage="pool", pooled_on__lt=stages.first_with_anniversary_from(day, stages.POOL_YEARS))
        | (
            Q(stage__in=stages.IN_WORK, started_on__isnull=True, approved_on__lt=long_ago)
            & (Q(programme__isnull=True) | Q(programme__released_on__lt=long_ago))
            & Q(has_support)
        )
        | Q(stage__in=BEFORE_ACCEPTANCE, accepted_on__isnull=True, finish_on__lt=day)
        | (Q(stage__in=BEFORE_ACCEPTANCE) & Q(milestone))
        | (Q(stage__in=stages.WITH_MONEY) & (Q(own_money) | Q(_late_instalment(day))))
    )


def _late_instalment(day: date) -> Exists:
    signed = Case(When(reverses__isnull=True, then=F("amount")), default=-F("amount"))
    receipts = Payment.objects.filter(
        instalment=OuterRef("pk"), state=Payment.State.CONFIRMED, kind=Payment.Kind.RECEIPT
    ).order_by()
    money: Any = DecimalField(max_digits=16, decimal_places=2)
    summed = receipts.values("instalment").annotate(sum=Sum(signed, output_field=money)).values("sum")
    handed = Round(Coalesce(Subquery(summed), Value(ZERO), output_field=money), 2)
    rows = Instalment.objects.filter(project=OuterRef("pk"), due_on__lt=day).annotate(handed=handed)
    reached = (
        Q(condition=Condition.START, project__started_on__isnull=False)
        | Q(condition=Condition.PROGRESS, project__progress_percent__gte=PROGRESS_FROM)
        | Q(condition=Condition.ACCEPTANCE, project__accepted_on__isnull=False)
        | Q(
            condition=Condition.RETENTION,
            project__accepted_on__lt=stages.first_with_anniversary_from(day + timedelta(days=1), 1),
        )
    )
    return Exists(rows.filter(reached, amount__gt=F("handed")))

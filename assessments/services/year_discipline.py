"""For whom conditions of the discipline ladder are met. The system proposes, people decide (handbook 3.9).

Contents are class D3: the trail tells that something was proposed or decided, not what.
Rule: docs/rules/cadre-results.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from assessments import year, year_inputs
from assessments.models import CadreResult, DisciplineProposal, Ranking, YearAssessment
from assessments.year import MonthPlace
from assessments.year_rules import GRADES, Ladder, YearRules, default_rules
from branches.models import Unit
from branches.scoping import STEP
from branches.versions import claim_version
from cadres.models import Posting
from cadres.rosters import HEAD_POSTS
from cadres.services.conduct import record_discipline

if TYPE_CHECKING:
    from accounts.models import User

State = DisciplineProposal.State
BY_GRADE, LAST_AGAIN = "grade", "last_places"


@dataclass(frozen=True, slots=True)
class _Case:
    person_id: int
    path: str
    key: str
    evidence: list[dict[str, Any]]


def propose_by_grade(assessment: YearAssessment, *, now: datetime) -> list[DisciplineProposal]:
    """After publishing: whose grade of the year is the worst. Inside the caller's transaction."""
    ladder = YearRules.from_stored(assessment.rules).ladder
    if not ladder.grade_step:
        return []
    worst = CadreResult.objects.filter(assessment=assessment, grade=GRADES[-1]).order_by("path", "post", "person_id")
    cases = [
        _Case(
            row.person_id,
            row.path,
            f"{BY_GRADE}:{assessment.year}:{assessment.span}",
            [{"result": row.pk, "year": assessment.year, "span": assessment.span, "total": row.total_hundredths}],
        )
        for row in worst
    ]
    return _propose(cases, BY_GRADE, ladder.grade_step, now)


@transaction.atomic
def propose_by_places(county: Unit, *, by: User, now: datetime) -> list[DisciplineProposal]:
    """Heads of villages that stood last again and again in the published months, as the county's rules say.

    Only months in which somebody held the post count for them. A constant number of queries.
    """
    county = Unit.objects.select_for_update().get(pk=county.pk)
    last = YearAssessment.objects.filter(unit=county).order_by("-pk").first()
    ladder = (YearRules.from_stored(last.rules) if last else default_rules()).ladder
    published = Ranking.objects.filter(period__unit=county, state=Ranking.State.PUBLISHED)
    until = published.aggregate(last=Max("period__month"))["last"]
    if until is None or not ladder.last_step:
        return []
    months = [_month_before(until, number) for number in range(ladder.months)]
    places = _places(county, months, ladder)
    cases = []
    for head in _heads(county, min(months), timezone.localdate(now)):
        found = year.last_places(ladder, places.get(head.village_id, ()), head.months(months), until)
        if found is not None:
            evidence = [{"month": f"{one.month:%Y-%m}", "rank": one.rank, "of": one.of} for one in found.months]
            newest = f"{found.months[-1].month:%Y-%m}"
            cases.append(_Case(head.person_id, head.path, f"{LAST_AGAIN}:{newest}", evidence))
    return _propose(cases, LAST_AGAIN, ladder.last_step, now, by)


def _month_before(month: date, number: int) -> date:
    count = month.year * 12 + month.month - 1 - number
    return date(count // 12, count % 12 + 1, 1)


def _places(county: Unit, months: Iterable[date], ladder: Ladder) -> dict[int, list[MonthPlace]]:
    """Village -> its places in the ranking of its township or of the county. One query."""
    rank = f"{ladder.group}_rank"
    rows = list(
        year_inputs.published_results(county.pk, months)
        .filter(**{f"{rank}__isnull": False})  # type: ignore[attr-defined]
        .values_list("village_id", "ranking__period__month", "path", rank)
    )

    def group(path: str) -> str:
        return path[:-STEP] if ladder.group == "township" else county.path

    sizes = Counter((month, group(path)) for _village, month, path, _rank in rows)
    found: dict[int, list[MonthPlace]] = defaultdict(list)
    for village_id, month, path, place in rows:
        found[village_id].append(MonthPlace(month, place, sizes[month, group(path)]))
    return found


@dataclass(frozen=True, slots=True)
class _Head:
    """A head in post today, with the times in which the person was a head of this village."""

    person_id: int
    village_id: int
    path: str
    times: tuple[tuple[date | None, date | None], ...]

    def months(self, months: Iterable[date]) -> set[date]:
        """Those on whose first day the post was held."""
        return {
            month
            for month in months
            if any((first is None or first <= month) and (last is None or last >= month) for first, last in self.times)
        }


def _heads(county: Unit, since: date, today: date) -> list[_Head]:
    """One query."""
    rows = (
        Posting.objects.filter(unit__path__startswith=county.path, unit__kind=Unit.Kind.VILLAGE, post__in=HEAD_POSTS)
        .exclude(ended_on__lt=since)
        .exclude(person__is_seconded=True)
        .order_by("unit__path", "post", "pk")
    )
    times: dict[tuple[int, int, str], list[tuple[date | None, date | None]]] = defaultdict(list)
    for person_id, unit_id, path, first, last in rows.values_list(
        "person_id", "unit_id", "unit__path", "started_on", "ended_on"
    ):
        times[person_id, unit_id, path].append((first.first_day if first else None, last))
    heads = [_Head(*key, tuple(spans)) for key, spans in times.items()]
    return [head for head in heads if head.months([today])]


def _propose(
    cases: Iterable[_Case], rule: str, kind: str, now: datetime, by: User | None = None
) -> list[DisciplineProposal]:
    """New proposals. Nobody gets a second one of the same condition and span, or while one of it is open."""
    cases = list({case.person_id: case for case in cases}.values())
    people = [case.person_id for case in cases]
    known = DisciplineProposal.objects.filter(person__in=people, rule=rule).values_list("person_id", "key", "state")
    keys = {(person_id, key) for person_id, key, _state in known}
    waiting = {person_id for person_id, _key, state in known if state == State.OPEN}
    rows = DisciplineProposal.objects.bulk_create(
        [
            DisciplineProposal(
                person_id=case.person_id,
                path=case.path,
                kind=kind,
                rule=rule,
                evidence=case.evidence,
                key=case.key,
                proposed_at=now,
            )
            for case in cases
            if (case.person_id, case.key) not in keys and case.person_id not in waiting
        ],
        batch_size=500,
    )
    audit.record_many(
        {
            "event": "assessments.add_disciplineproposal",
            "actor": by,
            "target": row,
            "unit": row.path,
            "changes": {"kind": audit.HIDDEN, "rule": audit.HIDDEN},
        }
        for row in rows
    )
    return rows


# --- Decisions ----------------------------------------------------------------------------


@transaction.atomic
def take_up(
    proposal: DisciplineProposal, values: Mapping[str, Any], *, version: int, by: User, now: datetime
) -> DisciplineProposal:
    """Somebody decided a step: it is recorded among the person's discipline records and linked.

    The step may be another one than was proposed. Raises Conflict, ValidationError "decided", and by field those of
    `cadres.services.conduct.record_discipline`.
    """
    row = _undecided(proposal)
    claim_version(row, version)
    row.action = record_discipline(row.person, values, by=by, today=timezone.localdate(now))
    return _decide(row, State.TAKEN_UP, by, now)


@transaction.atomic
def dismiss(proposal: DisciplineProposal, reason: str, *, version: int, by: User, now: datetime) -> DisciplineProposal:
    """Nothing follows, and why. Raises Conflict, ValidationError "decided", "reason_missing"."""
    row = _undecided(proposal)
    if not reason.strip():
        raise ValidationError({"decision": ValidationError(_("Say why it is not followed."), "reason_missing")})
    claim_version(row, version)
    row.decision = reason.strip()
    return _decide(row, State.DISMISSED, by, now)


def _undecided(proposal: DisciplineProposal) -> DisciplineProposal:
    row = DisciplineProposal.objects.select_for_update(of=("self",)).select_related("person").get(pk=proposal.pk)
    if row.state != State.OPEN:
        raise ValidationError(_("This proposal has been decided already."), "decided")
    return row


def _decide(row: DisciplineProposal, state: str, by: User, now: datetime) -> DisciplineProposal:
    row.state, row.decided_by, row.decided_at = state, by, now
    row.save(update_fields=["state", "decided_by", "decided_at", "decision", "action"])
    audit.record(
        "assessments.decide_disciplineproposal",
        actor=by,
        target=row,
        changes={"state": audit.HIDDEN, "decision": audit.HIDDEN},
    )
    return row

"""The life of an entry in the reserve: nominated, reviewed, put on record, trained, assessed, promoted or removed.

The township nominates and reviews; only the county puts on record. Each move writes a step,
which is never changed, and an audit event in the same transaction.
Rule: docs/rules/reserve.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _

from accounts import audit
from branches.models import Unit
from branches.versions import claim_version
from cadres.ages import age_on
from cadres.limits import limits_for
from cadres.models import (
    DisciplineAction,
    PeopleLimits,
    Person,
    Posting,
    ReserveAssessment,
    ReserveCadre,
    ReserveStep,
)
from cadres.reserve_rules import Facts, Finding, entry_findings, standing_findings
from imports.dates import PartialDate

if TYPE_CHECKING:
    from accounts.models import User

Stage = ReserveCadre.Stage
ExitReason = ReserveCadre.ExitReason

FIELDS = ("occupation", "category", "intended_post", "mentor", "recommended_by", "source", "training_plan", "remark")
"""What a person writes; stage and days follow from the moves."""

BEFORE_RECORD = (Stage.NOMINATED, Stage.REVIEWED)
ON_RECORD = (Stage.ON_RECORD, Stage.TRAINING)
OPEN = (*BEFORE_RECORD, *ON_RECORD)


@dataclass(frozen=True)
class Move:
    """From which stages an act leads where. `permission` is the action asked of the scope, `event` its audit name."""

    name: str
    from_stages: tuple[str, ...]
    to_stage: str
    permission: str
    event: str


MOVES: Mapping[str, Move] = {
    move.name: move
    for move in (
        Move("review", (Stage.NOMINATED,), Stage.REVIEWED, "review", "cadres.review_reservecadre"),
        Move("record", (Stage.REVIEWED,), Stage.ON_RECORD, "record", "cadres.record_reservecadre"),
        Move("train", (Stage.ON_RECORD,), Stage.TRAINING, "change", "cadres.train_reservecadre"),
        Move("promote", ON_RECORD, Stage.PROMOTED, "change", "cadres.promote_reservecadre"),
        Move("remove", OPEN, Stage.REMOVED, "change", "cadres.remove_reservecadre"),
    )
}


def moves_from(stage: str) -> list[Move]:
    """What can be done next with an entry in this stage, in the order of the life cycle."""
    return [move for move in MOVES.values() if stage in move.from_stages]


# --- What is known, and what follows from it -------------------------------------------------


def nomination_findings(person: Person, day: date) -> list[Finding]:
    """What stands against nominating this person on `day`; a finding that blocks ends it."""
    facts = facts_of_people([person], day)[person.pk]
    found = entry_findings(facts, limits_for(person.unit.path), is_final=False)
    if ReserveCadre.objects.open().filter(person=person).exists():
        found.insert(0, Finding("in_reserve", _("Is in the reserve already."), blocks=True))
    return found


def findings_for(entry: ReserveCadre, move: Move, day: date) -> list[Finding]:
    """What to know before a move; those that block are in its way. Leaving the reserve is always possible."""
    limits = limits_for(entry.unit.path)
    facts = facts_of([entry], day)[entry.pk]
    if move.to_stage in (Stage.REVIEWED, Stage.ON_RECORD):
        return entry_findings(facts, limits, is_final=True)
    found = standing_findings(facts, limits)
    if move.to_stage == Stage.REMOVED:
        return [finding for finding in found if finding.removal]
    return found


def attention_for(entry: ReserveCadre, day: date) -> list[Finding]:
    """What to look at in an entry of somebody who is in the reserve."""
    return attention_of([entry], day, lambda _path: limits_for(entry.unit.path))[entry.pk]


def attention_of(entries: Sequence[ReserveCadre], day: date, limits_at: Any) -> dict[int, list[Finding]]:
    """Entry -> what to look at, for open entries with `person` and `unit` loaded.

    `limits_at` maps a path to its limits. Constant number of queries.
    """
    facts = facts_of(entries, day)
    return {entry.pk: _attention(entry, facts[entry.pk], limits_at(entry.unit.path)) for entry in entries}


def _attention(entry: ReserveCadre, facts: Facts, limits: PeopleLimits) -> list[Finding]:
    if entry.stage in BEFORE_RECORD:
        return entry_findings(facts, limits, is_final=True)
    return standing_findings(facts, limits) if entry.stage in ON_RECORD else []


def facts_of(entries: Sequence[ReserveCadre], day: date) -> dict[int, Facts]:
    """Entry -> what is known on `day`, for entries with their person loaded. Six queries, however many."""
    keys = [entry.pk for entry in entries]
    people = facts_of_people([entry.person for entry in entries], day, but_entries=keys)
    steps = ReserveStep.objects.filter(entry__in=keys, to_stage=Stage.ON_RECORD).order_by()
    recorded = dict(steps.values_list("entry_id").annotate(Min("on")))
    grades: dict[int, dict[int, str]] = {}
    rows = ReserveAssessment.objects.filter(entry__in=keys, year__lte=day.year).order_by()
    for entry_id, year, grade in rows.values_list("entry_id", "year", "grade"):
        grades.setdefault(entry_id, {})[year] = grade
    return {
        entry.pk: replace(
            people[entry.person_id],
            own_grades=grades.get(entry.pk, {}),
            recorded_on=recorded.get(entry.pk) or (entry.entered_on.first_day if entry.entered_on else None),
            has_mentor=bool(entry.mentor),
            has_plan=bool(entry.training_plan),
        )
        for entry in entries
    }


def facts_of_people(people: Sequence[Person], day: date, *, but_entries: Collection[int] = ()) -> dict[int, Facts]:
    """Person -> what is known on `day`. Four queries, however many. Exits of `but_entries` are not told."""
    ids = [person.pk for person in people]
    punished = dict(
        DisciplineAction.objects.filter(person__in=ids, decided_on__lte=day, effective_to__gte=day)
        .order_by()
        .values_list("person_id")
        .annotate(Max("effective_to"))
    )
    posts: dict[int, list[str]] = {}
    for posting in Posting.objects.held_on(day).filter(person__in=ids).order_by("post", "pk"):
        posts.setdefault(posting.person_id, []).append(posting.words or posting.get_post_display())
    grades: dict[int, dict[int, str]] = {}
    rows = ReserveAssessment.objects.filter(entry__person__in=ids, year__lte=day.year).order_by("year", "pk")
    for person_id, year, grade in rows.values_list("entry__person_id", "year", "grade"):
        grades.setdefault(person_id, {})[year] = grade
    return {
        person.pk: Facts(
            day=day,
            age=age_on(person.birth, day),
            education=person.education,
            punished_until=punished.get(person.pk),
            posts=tuple(posts.get(person.pk, ())),
            grades=grades.get(person.pk, {}),
            left_before=left,
        )
        for person, left in _with_exits(people, day, but_entries)
    }


def _with_exits(
    people: Sequence[Person], day: date, but_entries: Collection[int]
) -> list[tuple[Person, tuple[date, str] | None]]:
    left: dict[int, tuple[date, str]] = {}
    rows = ReserveCadre.objects.filter(person__in=people, left_on__lte=day).exclude(pk__in=list(but_entries))
    for entry in rows.order_by("left_on", "pk"):
        left[entry.person_id] = (entry.left_on, entry.get_exit_reason_display())
    return [(person, left.get(person.pk)) for person in people]


# --- Acts -----------------------------------------------------------------------------------


@transaction.atomic
def nominate(
    person: Person, values: Mapping[str, Any], *, on: date, by: User | None, today: date, note: str = ""
) -> ReserveCadre:
    """A new entry of the person in the reserve of their village.

    Raises ValidationError "village_closed", "in_the_future", or "blocked" with a sentence for each condition
    that is not met.
    """
    person = Person.objects.select_for_update(of=("self",)).select_related("unit").get(pk=person.pk)
    _check_village(person.unit, on)
    _check_day(on, today, None)
    _refuse_blocked(nomination_findings(person, on))
    entry = ReserveCadre(person=person, unit=person.unit, stage=Stage.NOMINATED)
    _fill(entry, values)
    entry.save()
    changes = {name: [None, value] for name, value in _written(entry).items() if value}
    _step(entry, "", on, note, by)
    audit.record(
        "cadres.nominate_reservecadre",
        actor=by,
        target=entry,
        unit=entry.unit,
        changes={"person": person.pk, "on": on, **changes},
        reason=note,
    )
    return entry


@transaction.atomic
def change_entry(entry: ReserveCadre, values: Mapping[str, Any], *, version: int, by: User | None) -> ReserveCadre:
    """Mentor, plan and the like with other values. Raises Conflict, and ValidationError "left" for a closed entry."""
    entry = _locked(entry)
    if entry.stage not in OPEN:
        raise ValidationError(_("This entry is closed; it stays as it was."), "left")
    before = _written(entry)
    claim_version(entry, version)
    _fill(entry, values)
    changes = audit.changes_between(before, _written(entry))
    if changes:
        entry.save(update_fields=list(FIELDS))
        audit.record("cadres.change_reservecadre", actor=by, target=entry, unit=entry.unit, changes=changes)
    return entry


@transaction.atomic
def move_on(
    entry: ReserveCadre,
    move: Move,
    *,
    on: date,
    version: int,
    by: User | None,
    today: date,
    note: str = "",
    reason: str = "",
    posting: Posting | None = None,
) -> ReserveCadre:
    """Take the entry to its next stage on a day. `reason` of a removal; `posting` that a promotion led to.

    Raises Conflict, and ValidationError "wrong_stage", "in_the_future", "before_step", "no_reason",
    "other_person", "blocked".
    """
    entry = _locked(entry)
    if entry.stage not in move.from_stages:
        words = _("The entry is %(stage)s; this step does not follow.")
        raise ValidationError(words % {"stage": entry.get_stage_display()}, "wrong_stage")
    _check_day(on, today, entry)
    _check_ending(entry, move, reason, posting)
    _refuse_blocked(findings_for(entry, move, on))
    claim_version(entry, version)
    before = entry.stage
    entry.stage = move.to_stage
    changes: dict[str, Any] = {"stage": [before, move.to_stage], "on": on}
    if move.to_stage == Stage.ON_RECORD and entry.entered_on is None:
        entry.entered_on = PartialDate(on.year, on.month, on.day)
        changes["entered_on"] = [None, str(entry.entered_on)]
    if move.to_stage in (Stage.PROMOTED, Stage.REMOVED):
        entry.left_on = on
        entry.exit_reason = ExitReason.PROMOTED if move.to_stage == Stage.PROMOTED else ExitReason(reason)
        changes |= {"left_on": [None, on], "exit_reason": ["", str(entry.exit_reason)]}
    if posting is not None:
        changes["posting"] = posting.pk
    entry.save(update_fields=["stage", "entered_on", "left_on", "exit_reason"])
    _step(entry, before, on, note, by, posting)
    audit.record(move.event, actor=by, target=entry, unit=entry.unit, changes=changes, reason=note)
    return entry


@transaction.atomic
def assess(
    entry: ReserveCadre, year: int, grade: str, *, by: User | None, today: date, note: str = ""
) -> ReserveAssessment:
    """The assessment of a year, made or corrected. Two unqualified years propose the removal, nobody is removed by it.

    Raises ValidationError "not_on_record" or "year".
    """
    entry = _locked(entry)
    if entry.stage not in ON_RECORD:
        raise ValidationError(_("Only somebody who is on record is assessed."), "not_on_record")
    first = entry.entered_on.year if entry.entered_on else 0
    if not first <= year <= today.year:
        raise ValidationError(
            {"year": ValidationError(_("The entry was not on record in %(year)s.") % {"year": year}, "year")}
        )
    row = ReserveAssessment.objects.filter(entry=entry, year=year).first()
    before = {"grade": row.grade, "note": row.note} if row else {"grade": None, "note": None}
    row = row or ReserveAssessment(entry=entry, year=year)
    row.grade, row.note = grade, note.strip()
    changes = audit.changes_between(before, {"grade": row.grade, "note": row.note or before["note"]})
    if not changes:
        return row
    if row.pk:
        row.version += 1
    row.save()
    audit.record(
        "cadres.assess_reservecadre", actor=by, target=entry, unit=entry.unit, changes={"year": year, **changes}
    )
    return row


# --- Pieces ---------------------------------------------------------------------------------


def _locked(entry: ReserveCadre) -> ReserveCadre:
    return ReserveCadre.objects.select_for_update(of=("self",)).select_related("person", "unit").get(pk=entry.pk)


def _check_village(unit: Unit, on: date) -> None:
    if unit.kind != Unit.Kind.VILLAGE or unit.valid_from > on or (unit.valid_to is not None and unit.valid_to < on):
        raise ValidationError(_("The reserve is kept for villages that exist on this day."), "village_closed")


def _check_day(on: date, today: date, entry: ReserveCadre | None) -> None:
    if on > today:
        raise ValidationError({"on": ValidationError(_("This day has not come yet."), "in_the_future")})
    last = entry.steps.aggregate(last=Max("on"))["last"] if entry else None
    if last is not None and on < last:
        words = _("The step before was taken on %(day)s.") % {"day": last}
        raise ValidationError({"on": ValidationError(words, "before_step")})


def _check_ending(entry: ReserveCadre, move: Move, reason: str, posting: Posting | None) -> None:
    if move.to_stage == Stage.REMOVED and reason not in set(ExitReason.values) - {ExitReason.PROMOTED}:
        raise ValidationError({"reason": ValidationError(_("Say why the person leaves the reserve."), "no_reason")})
    if posting is not None and (move.to_stage != Stage.PROMOTED or posting.person_id != entry.person_id):
        raise ValidationError({"posting": ValidationError(_("Choose a post of this person."), "other_person")})


def _refuse_blocked(findings: Sequence[Finding]) -> None:
    blocking = [ValidationError(finding.sentence, "blocked") for finding in findings if finding.blocks]
    if blocking:
        raise ValidationError(blocking)


def _step(
    entry: ReserveCadre, before: str, on: date, note: str, by: User | None, posting: Posting | None = None
) -> None:
    ReserveStep.objects.create(
        entry=entry,
        from_stage=before,
        to_stage=entry.stage,
        on=on,
        note=note.strip(),
        posting=posting,
        recorded_by=by,
    )


def _fill(entry: ReserveCadre, values: Mapping[str, Any]) -> None:
    for name in FIELDS:
        setattr(entry, name, str(values.get(name, "")).strip())


def _written(entry: ReserveCadre) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in FIELDS}

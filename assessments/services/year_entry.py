"""What people enter for a year: department scores, satisfaction surveys, personal scores. Tables at once, all or none.

A cell is saved where it differs from what is stored, and only on the version that its writer saw. An empty cell
takes the entry back. Whoever enters is asked for the place and, as a department, for the subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from assessments import year_inputs
from assessments.models import DepartmentScore, PersonalScore, SatisfactionSurvey, YearAssessment
from assessments.services.year import ask_to_compute, rules_of, take
from assessments.year_rules import GRADES, Department, count_of, score_of
from branches.scoping import paths_for, subjects_for

if TYPE_CHECKING:
    from accounts.models import User

NOTE_LENGTH = 300


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One row of a table as typed. `base`: version of the stored row that the writer saw, 0 for none."""

    key: str
    """What a refusal names: the row of the form."""
    subject: int
    """Village or person."""
    texts: Mapping[str, str] = field(default_factory=dict)
    base: int = 0
    department: str = ""


class EntryRefused(ValidationError):
    """Nothing was saved. `problems`: "key:column" -> sentence."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__({key: ValidationError(words, "refused") for key, words in problems.items()})


def enterable_departments(assessment: YearAssessment, by: User) -> list[Department]:
    """Departments of the rules whose scores the user may enter: a lead department its own, county staff all."""
    permission = "assessments.add_departmentscore"
    if not any(assessment.path.startswith(path) for path in paths_for(by, permission)):
        return []
    own = subjects_for(by, permission)
    return [one for one in rules_of(assessment).departments if own is None or one.subject in own]


@transaction.atomic
def enter_department_scores(assessment: YearAssessment, edits: Iterable[Edit], *, by: User, now: datetime) -> int:
    """Scores of departments with their grounds (texts "score", "reason"); how many rows changed.

    Raises PermissionDenied for a department that is not the user's, EntryRefused, ValidationError "published".
    """
    row = take(assessment)
    edits = list(edits)
    departments = {one.name: one for one in enterable_departments(row, by)}
    if any(edit.department not in departments for edit in edits):
        raise PermissionDenied(_("Scores of a department are entered by it or by the county office."))
    table = _Table(DepartmentScore, row, _villages(row, by, "assessments.add_departmentscore", now), by, now)
    stored = {(one.village_id, one.department): one for one in DepartmentScore.objects.filter(assessment=row)}

    def fill(score: DepartmentScore, edit: Edit) -> None:
        score.department, score.subject = edit.department, departments[edit.department].subject
        score.score_hundredths = score_of(edit.texts["score"])
        score.reason = _note(edit.texts.get("reason", ""))

    for edit in edits:
        table.save(edit, stored.get((edit.subject, edit.department)), fill, ("score",), ("score_hundredths", "reason"))
    return table.write()


@transaction.atomic
def enter_surveys(assessment: YearAssessment, edits: Iterable[Edit], *, by: User, now: datetime) -> int:
    """Satisfaction surveys (texts "asked", "satisfied"); how many changed. Raises EntryRefused and "published"."""
    row = take(assessment)
    table = _Table(SatisfactionSurvey, row, _villages(row, by, "assessments.add_satisfactionsurvey", now), by, now)
    stored = {one.village_id: one for one in SatisfactionSurvey.objects.filter(assessment=row)}

    def fill(survey: SatisfactionSurvey, edit: Edit) -> None:
        survey.asked = count_of(edit.texts["asked"])
        survey.satisfied = count_of(edit.texts["satisfied"])
        if not survey.asked:
            raise ValidationError({"asked": _("At least one was asked.")})
        if survey.satisfied > survey.asked:
            raise ValidationError({"satisfied": _("Not more than were asked.")})

    for edit in edits:
        table.save(edit, stored.get(edit.subject), fill, ("asked", "satisfied"), ("asked", "satisfied"))
    return table.write()


BALLOT_TEXTS = (*GRADES, "entitled")


@transaction.atomic
def enter_personal_scores(assessment: YearAssessment, edits: Iterable[Edit], *, by: User, now: datetime) -> int:
    """Results, ballots, the township's view and a note of cadres; how many rows changed.

    Texts "results", the four grades, "entitled", "township", "note"; an empty one is not given, which is not zero.
    Raises EntryRefused and "published".
    """
    row = take(assessment)
    table = _Table(PersonalScore, row, _cadres(row, by, "assessments.add_personalscore", now), by, now)
    stored = {one.person_id: one for one in PersonalScore.objects.filter(assessment=row)}
    fields = ("results_hundredths", "votes", "township_hundredths", "note")

    def fill(score: PersonalScore, edit: Edit) -> None:
        score.person_id, texts = edit.subject, edit.texts
        score.results_hundredths = _named("results", lambda: _optional(texts.get("results", "")))
        score.township_hundredths = _named("township", lambda: _optional(texts.get("township", "")))
        score.votes = _ballots(texts)
        score.note = _note(texts.get("note", ""))

    for edit in edits:
        table.save(edit, stored.get(edit.subject), fill, ("results", "township", *BALLOT_TEXTS, "note"), fields)
    return table.write()


def _ballots(texts: Mapping[str, str]) -> dict[str, int]:
    given = {name: texts.get(name, "").strip() for name in BALLOT_TEXTS}
    if not any(given.values()):
        return {}
    counts = {name: _named(name, lambda text=text: count_of(text or "0")) for name, text in given.items()}  # type: ignore[misc]
    cast = sum(counts[grade] for grade in GRADES)
    if not given["entitled"]:
        raise ValidationError({"entitled": _("Say how many were entitled to vote.")})
    if cast > counts["entitled"]:
        raise ValidationError({"entitled": _("More ballots than people entitled.")})
    if not cast:
        raise ValidationError({GRADES[0]: _("Enter the ballots, or leave all of it empty.")})
    return counts


def _named(column: str, read: Any) -> Any:
    """What `read` gives; its refusal names the column."""
    try:
        return read()
    except ValidationError as error:
        raise ValidationError({column: error.messages}) from error


def _optional(text: str) -> int | None:
    return score_of(text) if text.strip() else None


def _note(text: str) -> str:
    if len(text.strip()) > NOTE_LENGTH:
        raise ValidationError(_("At most %(most)d characters.") % {"most": NOTE_LENGTH}, "too_long")
    return text.strip()


def _villages(assessment: YearAssessment, by: User, permission: str, now: datetime) -> dict[int, tuple[int, str]]:
    """Those that take part, where the user holds the right: village -> (village, path)."""
    day = year_inputs.reference_day(assessment, timezone.localdate(now))
    places = year_inputs.villages_of(assessment.path, day)
    return _within(by, permission, {one.pk: (one.pk, one.path) for one in places})


def _cadres(assessment: YearAssessment, by: User, permission: str, now: datetime) -> dict[int, tuple[int, str]]:
    """Those that take part, where the user holds the right: person -> (village, path)."""
    day = year_inputs.reference_day(assessment, timezone.localdate(now))
    people = year_inputs.cadres_of(assessment.path, day)
    return _within(by, permission, {one.person_id: (one.village_id, one.path) for one in people})


def _within(by: User, permission: str, places: Mapping[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    paths = paths_for(by, permission)
    return {key: place for key, place in places.items() if any(place[1].startswith(path) for path in paths)}


class _Table:
    """Edits of one table: checked one by one, written together or not at all."""

    def __init__(
        self, model: Any, assessment: YearAssessment, places: Mapping[int, tuple[int, str]], by: User, now: datetime
    ) -> None:
        self.model, self.assessment, self.places, self.by, self.now = model, assessment, places, by, now
        self.problems: dict[str, str] = {}
        self.new: list[tuple[Any, dict[str, Any]]] = []
        self.changed: list[tuple[Any, dict[str, Any]]] = []
        self.gone: list[tuple[Any, dict[str, Any]]] = []
        self.columns: set[str] = {"entered_by", "entered_at", "version"}

    def save(
        self, edit: Edit, stored: Any, fill: Callable[[Any, Edit], None], wanted: Sequence[str], fields: Sequence[str]
    ) -> None:
        """Notes what an edit changes of a stored row or adds, or the problem with it. `wanted`: texts of the row."""
        place = self.places.get(edit.subject)
        if place is None:
            self.problems[edit.key] = _("This row is not in your area, or does not take part.")
            return
        before = {name: getattr(stored, name) for name in fields} if stored else {}
        if not any(edit.texts.get(name, "").strip() for name in wanted):
            if stored is not None and self._is_current(edit, stored):
                self.gone.append((stored, {name: [value, None] for name, value in before.items()}))
            return
        row = stored or self.model(assessment=self.assessment, village_id=place[0], path=place[1])
        try:
            fill(row, edit)
        except ValidationError as error:
            self._refuse(edit, error, wanted[0])
            return
        changes = audit.changes_between(before, {name: getattr(row, name) for name in fields})
        if changes and self._is_current(edit, stored):
            row.entered_by, row.entered_at = self.by, self.now
            self.columns.update(fields)
            (self.changed if stored else self.new).append((row, changes))

    def _is_current(self, edit: Edit, stored: Any) -> bool:
        if (stored.version if stored else 0) == edit.base:
            return True
        self.problems[edit.key] = _("Somebody changed this row meanwhile. Open the table anew.")
        return False

    def _refuse(self, edit: Edit, error: ValidationError, column: str) -> None:
        found = error.message_dict if hasattr(error, "error_dict") else {column: error.messages}
        for name, messages in found.items():
            self.problems[f"{edit.key}:{name}"] = " ".join(messages)

    def write(self) -> int:
        """How many rows were added, changed or taken back. Raises EntryRefused when anything is wrong."""
        if self.problems:
            raise EntryRefused(self.problems)
        name = self.model._meta.model_name
        self.model.objects.bulk_create([row for row, _changes in self.new], batch_size=500)
        for row, _changes in self.changed:
            row.version += 1
        self.model.objects.bulk_update([row for row, _changes in self.changed], sorted(self.columns), batch_size=200)
        entries = [
            audit.Entry(event=f"assessments.{verb}_{name}", actor=self.by, target=row, unit=row.path, changes=changes)
            for verb, rows in (("add", self.new), ("change", self.changed), ("remove", self.gone))
            for row, changes in rows
        ]
        audit.record_many(entries)
        self.model.objects.filter(pk__in=[row.pk for row, _changes in self.gone]).delete()
        if entries:
            ask_to_compute(self.assessment)
        return len(entries)

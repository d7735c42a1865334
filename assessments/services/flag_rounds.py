"""Rounds of flags: set up from the seed or an earlier round, edited while a draft, opened, closed; and what the
system can say about a village for a criterion.

Rule: docs/rules/flag-criteria.md; decision: docs/decisions/0015-a-round-holds-its-own-rules.md.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments import flag_criteria
from assessments.flag_criteria import LAST, SPAN, Criterion
from assessments.models import FlagApplication, FlagCategory, FlagCriterion, FlagRound, Period, Return, VillageMonth
from assessments.rules import RuleProblem, from_scaled, plain, to_hundredths
from branches import indicators
from branches.indicators import Reading
from branches.models import Unit
from branches.months import after

SEED = Path(__file__).resolve().parents[1] / "seed" / "flags.json"
FULL_POINTS = Decimal(100)
MONTH_PREFIX = "month:"
"""Source of a criterion: what townships entered for this indicator in the published months."""

ROUND_FIELDS = (
    "name",
    "title",
    "title_en",
    "document",
    "first_on",
    "last_on",
    "apply_by",
    "valid_to",
    "notice_days",
    "panel_share",
    "panel_dropped",
)
CATEGORY_FIELDS = ("code", "name", "name_en", "lead", "pass_line", "quota", "is_party_building", "sort")
CRITERION_FIELDS = (
    "code",
    "name",
    "name_en",
    "is_gate",
    "points",
    "source",
    "source_code",
    "rule_type",
    "parameters",
    "definition",
    "sort",
)
SETTINGS = ("title", "title_en", "notice_days", "panel_share", "panel_dropped")
"""What a new round takes from the one it begins as a copy of, beside categories and criteria."""

FINAL = frozenset({FlagApplication.State.AWARDED, FlagApplication.State.REJECTED, FlagApplication.State.WITHDRAWN})


# --- Setting up ----------------------------------------------------------------------------


@cache
def _seed_text() -> str:
    return SEED.read_text(encoding="utf-8")


def seed() -> dict[str, Any]:
    """The five flags of the reference district with the criteria of the handbook (2.5)."""
    layout: dict[str, Any] = json.loads(_seed_text())
    return layout


@transaction.atomic
def add_round(county: Unit, values: Mapping[str, Any], *, copy_of: FlagRound | None, by: User) -> FlagRound:
    """A draft round with `values` (ROUND_FIELDS), its rules copied from a round of the county, or from the seed.

    ValidationError: see `_checked`; "other_county" for a round that is not the county's.
    """
    if copy_of is not None and copy_of.unit_id != county.pk:
        raise ValidationError(_("That round belongs to another county."), "other_county")
    begun = seed() if copy_of is None else {name: getattr(copy_of, name) for name in SETTINGS}
    settings = {name: begun[name] for name in SETTINGS if name in begun}
    row = FlagRound(
        unit=county,
        path=county.path,
        copied_from=copy_of,
        created_by=by,
        **{**settings, **_listed(values, ROUND_FIELDS)},
    )
    _checked(row)
    row.save()
    _copy_rules(row, seed_rules() if copy_of is None else rules_of(copy_of))
    changes = {"name": row.name, "from": "seed" if copy_of is None else copy_of.name}
    audit.record("assessments.add_flaground", actor=by, target=row, unit=county, changes=changes)
    return row


Rules = list[tuple[dict[str, Any], list[dict[str, Any]]]]
"""Categories, each with its criteria, as plain values."""


def seed_rules() -> Rules:
    layout = seed()
    rules = []
    for place, category in enumerate(layout["categories"]):
        head = {"pass_line": Decimal(layout["pass_line"]), "sort": place, **_listed(category, CATEGORY_FIELDS)}
        rules.append((head, [_seed_criterion(item, number) for number, item in enumerate(category["criteria"])]))
    return rules


def _seed_criterion(item: Mapping[str, Any], place: int) -> dict[str, Any]:
    return {**_listed(item, CRITERION_FIELDS), "points": Decimal(item.get("points", 0)), "sort": place}


def rules_of(row: FlagRound) -> Rules:
    """Two queries."""
    return [
        (
            {name: getattr(category, name) for name in CATEGORY_FIELDS},
            [{name: getattr(item, name) for name in CRITERION_FIELDS} for item in category.criteria.all()],
        )
        for category in row.categories.prefetch_related("criteria")
    ]


def _copy_rules(row: FlagRound, rules: Rules) -> None:
    categories = FlagCategory.objects.bulk_create(FlagCategory(round=row, **head) for head, _items in rules)
    FlagCriterion.objects.bulk_create(
        FlagCriterion(category=category, **item)
        for category, (_head, items) in zip(categories, rules, strict=True)
        for item in items
    )


def _listed(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _checked(row: FlagRound) -> None:
    """ValidationError by field: what the form would say too, for whoever comes another way."""
    problems: dict[str, ValidationError] = {}
    if row.first_on > row.last_on:
        problems["last_on"] = ValidationError(_("The last day lies before the first."), "dates")
    if row.valid_to < row.last_on:
        problems["valid_to"] = ValidationError(_("Flags are valid beyond the days that are judged."), "valid_to")
    if row.apply_by < row.first_on:
        problems["apply_by"] = ValidationError(_("Applications end after the round has begun."), "apply_by")
    if not 0 <= row.panel_share <= 100:
        problems["panel_share"] = ValidationError(_("A share lies between 0 and 100 %."), "panel_share")
    if FlagRound.objects.filter(unit=row.unit, name=row.name).exclude(pk=row.pk).exists():
        problems["name"] = ValidationError(_("There is a round of this name already."), "name_taken")
    if problems:
        raise ValidationError(problems)  # type: ignore[arg-type]


# --- Editing a draft -----------------------------------------------------------------------


def _draft(row: FlagRound, version: int) -> FlagRound:
    """The round, locked, if it can be edited. ValidationError "not_a_draft", "changed_meanwhile"."""
    locked = FlagRound.objects.select_for_update().select_related("unit").get(pk=row.pk)
    if locked.state != FlagRound.State.DRAFT:
        raise ValidationError(
            _("The rules of a round that is open do not change. Copy it for the next round."), "not_a_draft"
        )
    if locked.version != version:
        raise ValidationError(
            _("Somebody else has changed this round in the meantime. Look at it again, then repeat your change."),
            "changed_meanwhile",
        )
    return locked


def _store(row: FlagRound, changes: Mapping[str, Any], *, by: User, names: Sequence[str] = ()) -> FlagRound:
    row.version += 1
    row.save(update_fields=[*names, "version"])
    audit.record("assessments.change_flaground", actor=by, target=row, unit=row.unit, changes=changes)
    return row


@transaction.atomic
def change_round(row: FlagRound, values: Mapping[str, Any], *, version: int, by: User) -> FlagRound:
    """New settings of a draft. ValidationError: see `_draft` and `_checked`."""
    row = _draft(row, version)
    before = {name: getattr(row, name) for name in ROUND_FIELDS}
    for name, value in _listed(values, ROUND_FIELDS).items():
        setattr(row, name, value)
    _checked(row)
    changes = audit.changes_between(before, {name: getattr(row, name) for name in ROUND_FIELDS})
    return _store(row, changes, by=by, names=ROUND_FIELDS) if changes else row


@transaction.atomic
def save_category(
    row: FlagRound, category: FlagCategory | None, values: Mapping[str, Any], *, version: int, by: User
) -> FlagCategory:
    """A category of a draft, new or changed. ValidationError: see `_draft`; "code_taken"."""
    row = _draft(row, version)
    stored = category or FlagCategory(round=row, sort=row.categories.count())
    if row.categories.filter(code=values["code"]).exclude(pk=stored.pk).exists():
        raise ValidationError({"code": ValidationError(_("This code is taken in the round."), "code_taken")})
    _save_part(row, stored, values, CATEGORY_FIELDS, by=by)
    return stored


@transaction.atomic
def save_criterion(
    row: FlagRound,
    category: FlagCategory,
    criterion: FlagCriterion | None,
    values: Mapping[str, Any],
    *,
    version: int,
    by: User,
) -> FlagCriterion:
    """A criterion or gate of a draft, new or changed. ValidationError: see `_draft`; "code_taken", and what is
    wrong with how it is computed."""
    row = _draft(row, version)
    stored = criterion or FlagCriterion(category=category, sort=category.criteria.count())
    if category.criteria.filter(code=values["code"]).exclude(pk=stored.pk).exists():
        raise ValidationError({"code": ValidationError(_("This code is taken in the category."), "code_taken")})
    _save_part(row, stored, values, CRITERION_FIELDS, by=by, check=_check_criterion)
    return stored


def _check_criterion(criterion: FlagCriterion) -> None:
    found = criterion_problems(criterion)
    if found:
        raise ValidationError([ValidationError(problem.message, problem.code) for problem in found])


def _save_part(
    row: FlagRound, part: Any, values: Mapping[str, Any], names: Sequence[str], *, by: User, check: Any = None
) -> None:
    before = {name: getattr(part, name) for name in names} if part.pk else {}
    for name, value in _listed(values, names).items():
        setattr(part, name, value)
    if check is not None:
        check(part)
    part.save()
    changes = audit.changes_between(before, {name: getattr(part, name) for name in names})
    _store(row, {part.code: {name: change for name, change in changes.items() if name != "code"}}, by=by)


@transaction.atomic
def remove_part(row: FlagRound, part: FlagCategory | FlagCriterion, *, version: int, by: User) -> None:
    """Takes a category or criterion out of a draft. ValidationError: see `_draft`."""
    row = _draft(row, version)
    code = part.code
    part.delete()
    _store(row, {code: "removed"}, by=by)


# --- Opening and closing -----------------------------------------------------------------


def round_problems(row: FlagRound) -> list[RuleProblem]:
    """What keeps a draft from being opened, each with the code of its category or criterion. Two queries."""
    categories = list(row.categories.prefetch_related("criteria"))
    found = []
    if not categories:
        found.append(RuleProblem("no_category", _("The round has no flag yet.")))
    for category in categories:
        items = list(category.criteria.all())
        total = sum((item.points for item in items), Decimal(0))
        if total != FULL_POINTS:
            message = _("The points of %(name)s sum to %(sum)s; they must sum to 100.")
            values = {"name": category.name, "sum": plain(total)}
            found.append(RuleProblem("points_sum", message % values, category.code))
        if category.pass_line > FULL_POINTS:
            message = _("The pass line of %(name)s lies above 100.") % {"name": category.name}
            found.append(RuleProblem("pass_line", message, category.code))
        found += [problem for item in items for problem in criterion_problems(item)]
    return found


def criterion_problems(item: FlagCriterion) -> list[RuleProblem]:
    """What is wrong with how a criterion is computed; one scored by people has nothing that can be wrong."""
    if item.source != FlagCriterion.Source.SYSTEM:
        return []
    sources = sources_of(item)
    found = flag_criteria.problems(_criterion(item), sources)
    unknown = [code for code in sources if not _is_known(code, span=item.parameters.get("over") == SPAN)]
    if unknown:
        message = _("No records of the portal give “%(codes)s”. Choose a source that is offered.")
        found.append(RuleProblem("source_unknown", message % {"codes": ", ".join(unknown)}, item.code, "source_code"))
    return found


def _is_known(code: str, *, span: bool) -> bool:
    if span:
        return indicators.find_span(code) is not None
    return code.startswith(MONTH_PREFIX) or indicators.find(code) is not None


@transaction.atomic
def open_round(row: FlagRound, *, version: int, by: User, now: datetime) -> FlagRound:
    """Lets townships apply; the rules are fixed from here on. ValidationError: see `_draft`; "not_ready" with
    everything `round_problems` finds."""
    row = _draft(row, version)
    found = round_problems(row)
    if found:
        raise ValidationError([ValidationError(problem.message, "not_ready") for problem in found])
    row.state, row.opened_at, row.opened_by = FlagRound.State.OPEN, now, by
    return _move(row, FlagRound.State.DRAFT, ("state", "opened_at", "opened_by"), "assessments.open_flaground", by)


@transaction.atomic
def close_round(row: FlagRound, *, version: int, by: User, now: datetime) -> FlagRound:
    """Ends the round. ValidationError "not_open", "changed_meanwhile"; "undecided" while one is on its way."""
    row = FlagRound.objects.select_for_update().select_related("unit").get(pk=row.pk)
    if row.state != FlagRound.State.OPEN:
        raise ValidationError(_("Only a round that is open can be closed."), "not_open")
    if row.version != version:
        raise ValidationError(_("Somebody else has changed this round in the meantime."), "changed_meanwhile")
    waiting = row.applications.exclude(state__in=FINAL).count()
    if waiting:
        message = _("%(count)d applications are still on their way. Decide them first, or have them withdrawn.")
        raise ValidationError(message % {"count": waiting}, "undecided")
    row.state, row.closed_at = FlagRound.State.CLOSED, now
    return _move(row, FlagRound.State.OPEN, ("state", "closed_at"), "assessments.close_flaground", by)


def _move(row: FlagRound, before: str, names: Sequence[str], event: str, by: User) -> FlagRound:
    row.version += 1
    row.save(update_fields=[*names, "version"])
    audit.record(event, actor=by, target=row, unit=row.unit, changes={"state": [before, row.state]})
    return row


# --- What the system knows -------------------------------------------------------------------


def sources_of(item: FlagCriterion) -> list[str]:
    return item.source_code.split()


def _criterion(item: FlagCriterion) -> Criterion:
    return Criterion.of(
        code=item.code,
        weight=to_hundredths(item.points),
        is_gate=item.is_gate,
        rule_type=item.rule_type,
        parameters=item.parameters,
    )


def months_of(row: FlagRound, today: date) -> list[date]:
    """Months of the round that are over on `today`: the running one would count what can still be done as missed."""
    months, month = [], row.first_on.replace(day=1)
    while month <= row.last_on and after(month) <= today:
        months.append(month)
        month = after(month)
    return months


def computed_lines(
    category: FlagCategory, village_ids: Collection[int], *, today: date
) -> dict[int, list[dict[str, Any]]]:
    """Village -> a line for each criterion of the category, as FlagApplication keeps them, with what the system knows.

    Queries: a constant number for each source and month, whatever the number of villages.
    """
    items = list(category.criteria.all())
    span = Span.of(category.round, today)
    ids = list(village_ids)
    asked = _Asked(span, ids, [_code for item in items for _code in sources_of(item)])
    lines: dict[int, list[dict[str, Any]]] = {pk: [] for pk in ids}
    for item in items:
        found = _computed(item, asked)
        for place, pk in enumerate(ids):
            computed, value = found[place] if found else (None, "")
            lines[pk].append(
                {
                    "code": item.code,
                    "computed": computed,
                    "value": value,
                    "records": _records(item, pk, span) if value else "",
                    "self": computed,
                    "township": None,
                    "checked": None,
                    "reason": "",
                }
            )
    return lines


@dataclass(frozen=True)
class Span:
    """The days of a round that are over, and their months."""

    county_path: str
    first: date
    last: date
    months: tuple[date, ...]

    @classmethod
    def of(cls, row: FlagRound, today: date) -> Span:
        months = tuple(months_of(row, today))
        last = min(row.last_on, after(months[-1]) - timedelta(days=1)) if months else row.first_on
        return cls(row.path, row.first_on, last, months)


class _Asked:
    """Readings of the round's months, each source asked once for each month and kept."""

    def __init__(self, span: Span, ids: Sequence[int], codes: Collection[str]) -> None:
        self.span, self.ids = span, ids
        self._entered = (
            _entered_values(span, ids) if span.months and any(code.startswith(MONTH_PREFIX) for code in codes) else {}
        )
        self._kept: dict[tuple[str, date], Mapping[int, Reading]] = {}

    def by_month(self, code: str, months: Sequence[date]) -> list[Mapping[int, Reading]]:
        return [self._of(code, month) for month in months]

    def _of(self, code: str, month: date) -> Mapping[int, Reading]:
        if code.startswith(MONTH_PREFIX):
            return _readings_of(self._entered.get(month, {}), code.removeprefix(MONTH_PREFIX))
        if (code, month) not in self._kept:
            source = indicators.find(code)
            self._kept[code, month] = {} if source is None else source.compute(self.ids, month)
        return self._kept[code, month]

    def over_span(self, code: str) -> Mapping[int, Reading]:
        source = indicators.find_span(code)
        return {} if source is None else source.compute(self.ids, self.span.first, self.span.last)


def _computed(item: FlagCriterion, asked: _Asked) -> list[tuple[int | bool | None, str]]:
    """(points or met, in words) for each village; empty for a criterion that people score."""
    if item.source != FlagCriterion.Source.SYSTEM or not asked.span.months:
        return []
    criterion = _criterion(item)
    codes = sources_of(item)
    if criterion.over == SPAN:
        by_source = [[asked.over_span(code)] for code in codes]
    else:
        months = asked.span.months[-1:] if criterion.over == LAST else asked.span.months
        by_source = [asked.by_month(code, months) for code in codes]
    readings = [
        flag_criteria.over_round(criterion, [[month.get(pk) for month in source] for source in by_source])
        for pk in asked.ids
    ]
    words = ["" if reading is None else reading.note or plain(reading.value) for reading in readings]
    if item.is_gate:
        return [(flag_criteria.is_met(criterion, reading), word) for reading, word in zip(readings, words, strict=True)]
    return list(zip(flag_criteria.points(criterion, readings), words, strict=True))


def _entered_values(span: Span, ids: Sequence[int]) -> dict[date, dict[int, dict[str, Any]]]:
    """Month -> village -> cells of the published months, accepted returns only. One query."""
    rows = VillageMonth.objects.filter(
        period__path=span.county_path,
        period__month__in=span.months,
        period__state__in=[Period.State.PUBLISHED, Period.State.CLOSED],
        submission__state=Return.State.ACCEPTED,
    )
    if len(ids) <= 1000:
        rows = rows.filter(village_id__in=ids)
    found: dict[date, dict[int, dict[str, Any]]] = defaultdict(dict)
    for month, village_id, values in rows.order_by().values_list("period__month", "village_id", "values"):
        found[month][village_id] = values
    return found


def _readings_of(cells: Mapping[int, Mapping[str, Any]], code: str) -> dict[int, Reading]:
    """What was entered for an indicator: a number, or a part with its whole."""
    found = {}
    for village_id, values in cells.items():
        if (part := _given(values, f"{code}.n")) is not None:
            whole = _given(values, f"{code}.d")
            if whole is not None:
                found[village_id] = Reading(part, whole)
        elif (number := _given(values, code)) is not None:
            found[village_id] = Reading(number)
    return found


def _given(values: Mapping[str, Any], cell: str) -> Decimal | None:
    """The number of a cell, None where it does not apply or is exempt (assessments/cells.py)."""
    raw = values.get(cell)
    scaled = raw[0] if isinstance(raw, list) else raw
    return None if scaled is None else from_scaled(scaled)


def _records(item: FlagCriterion, village_id: int, span: Span) -> str:
    """Address of what was counted last; empty where there is no page of it."""
    code = sources_of(item)[0]
    if item.parameters.get("over") == SPAN:
        over = indicators.find_span(code)
        return over.records(village_id, span.first, span.last) if over and over.records else ""
    source = indicators.find(code)
    return source.records(village_id, span.months[-1]) if source and source.records else ""

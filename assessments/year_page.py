"""What the pages of a year show, gathered: words for parts and lines, who still has to enter what. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from assessments import year, year_inputs
from assessments.models import (
    CadreResult,
    DepartmentScore,
    PersonalScore,
    SatisfactionSurvey,
    VillageYear,
    YearAssessment,
)
from assessments.models.year import Grade
from assessments.rules import in_language
from assessments.year_results import StoredLine
from assessments.year_rules import GRADES, YearRules, text_of
from branches.models import Unit
from branches.scoping import STEP, paths_for

if TYPE_CHECKING:
    from accounts.models import User

TONES = dict(zip(GRADES, ("top", "mid", "low", "min"), strict=True))
BALLOT_TONES = {"good": "top", "rather_good": "mid", "average": "low", "poor": "min"}


def title_of(assessment: YearAssessment) -> str:
    """2026年上半年考核."""
    return _("%(year)s %(span)s") % {"year": _("%(n)s (year)") % {"n": assessment.year}, "span": span_name(assessment)}


def span_name(assessment: YearAssessment) -> str:
    return {
        "first_half": _("first half: assessment"),
        "second_half": _("second half: assessment"),
        "year": _("whole year: assessment"),
    }[assessment.span]


def crumbs(assessment: YearAssessment | None = None) -> list[tuple[str, str]]:
    found = [(reverse("assessments:year_list"), _("Yearly assessment"))]
    if assessment is not None:
        found.append((reverse("assessments:year", args=[assessment.pk]), title_of(assessment)))
    return found


def grade_name(grade: str) -> str:
    return str(Grade(grade).label) if grade else ""


def part_name(code: str) -> str:
    """A part of a score as people read it; "department:…" is the department that has not scored."""
    kind, _colon, name = code.partition(":")
    if kind == "department":
        return _("score of %(name)s") % {"name": name}
    return {
        "months": _("average of the months"),
        "departments": _("county departments"),
        "satisfaction": _("satisfaction of those asked"),
        "village": _("score of the village"),
        "personal": _("personal score"),
        "results": _("work results"),
        "vote": _("democratic vote"),
        "township": _("the township's view"),
        "veto": _("veto"),
    }[kind]


def missing_text(codes: Iterable[str]) -> str:
    return pgettext("between names", ", ").join(part_name(code) for code in codes)


# --- Who takes part, and what is still missing ------------------------------------------------


@dataclass
class TownshipProgress:
    unit_id: int
    name: str
    path: str
    villages: int = 0
    people: int = 0
    departments: Counter[str] = field(default_factory=Counter)
    surveys: int = 0
    personal: int = 0

    def missing_departments(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self.departments[name] < self.villages]


def progress(assessment: YearAssessment, rules: YearRules, user: User, day: date) -> list[TownshipProgress]:
    """Townships in the user's sight with what is there for them. Six queries whatever there is."""
    paths = paths_for(user, "assessments.view_villageyear")
    townships = {
        unit.path: TownshipProgress(unit.pk, unit.name, unit.path)
        for unit in Unit.objects.under(assessment.path).townships().order_by("path")
        if any(unit.path.startswith(path) for path in paths)
    }

    def of(path: str) -> TownshipProgress | None:
        return townships.get(path[:-STEP])

    for place in year_inputs.villages_of(assessment.path, day):
        if (row := of(place.path)) is not None:
            row.villages += 1
    for one in year_inputs.cadres_of(assessment.path, day):
        if (row := of(one.path)) is not None:
            row.people += 1
    for path, name in DepartmentScore.objects.filter(assessment=assessment).values_list("path", "department"):
        if (row := of(path)) is not None:
            row.departments[name] += 1
    for (path,) in SatisfactionSurvey.objects.filter(assessment=assessment).values_list("path"):
        if (row := of(path)) is not None:
            row.surveys += 1
    given = PersonalScore.objects.filter(assessment=assessment)
    for path, *parts in given.values_list("path", "results_hundredths", "votes", "township_hundredths"):
        if (row := of(path)) is not None and _is_whole(rules, *parts):
            row.personal += 1
    return [row for row in townships.values() if row.villages]


def _is_whole(rules: YearRules, results: int | None, votes: Mapping[str, int], township: int | None) -> bool:
    given = {"results": results is not None, "vote": bool(votes), "township": township is not None}
    return all(is_there or not rules.weight(part) for part, is_there in given.items())


def townships_in_sight(assessment: YearAssessment, user: User, permission: str) -> list[Unit]:
    """Townships of the county where the user holds a right. One query."""
    paths = paths_for(user, permission)
    units = Unit.objects.under(assessment.path).townships().order_by("path")
    return [unit for unit in units if any(unit.path.startswith(path) or path.startswith(unit.path) for path in paths)]


# --- Receipts -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """What a line rests on, with the address of the record."""

    label: str
    value: str
    url: str = ""


@dataclass(frozen=True)
class ShownLine:
    """A line of a receipt. `full`: the weight; `is_part`: below another line, not added to the total."""

    code: str
    name: str
    value: str
    rule: str
    full: int | None
    points: int | None
    grounds: tuple[Ground, ...] = ()
    is_part: bool = False
    is_missing: bool = False
    url: str = ""
    warnings: tuple[str, ...] = ()


def shown_lines(lines: Iterable[StoredLine], rules: YearRules, *, village_url: str = "") -> list[ShownLine]:
    """The lines of a village or a cadre in words; a part of a part stands below it."""
    found: list[ShownLine] = []
    receipts: dict[str, int] = {}
    for line in lines:
        receipts |= {one["month"]: one["result"] for one in line.get("months", ())}
        if line["code"] == "veto":
            found.append(_veto(line, receipts.get(line["month"])))
            continue
        found.append(_shown(line, rules, url=village_url if line["code"] == "village" else ""))
        found += [_shown(part, rules, is_part=True) for part in line.get("parts", ())]
    return found


def _shown(line: StoredLine, rules: YearRules, *, is_part: bool = False, url: str = "") -> ShownLine:
    value = line["value"]
    return ShownLine(
        code=line["code"],
        name=part_name(line["code"]),
        value=_("not given") if value is None else _value(line),
        rule=_("%(weight)s per cent of it") % {"weight": text_of(line["weight"])},
        full=line["weight"],
        points=None if value is None else line["points"],
        grounds=_grounds(line),
        is_part=is_part,
        is_missing=value is None,
        url=url,
        warnings=_warnings(line, rules),
    )


def _value(line: StoredLine) -> str:
    value = points(line["value"])
    return f"{value}%" if line["code"] == "satisfaction" else value


def points(hundredths: int) -> str:
    return f"{Decimal(hundredths).scaleb(-2):.2f}"


def _grounds(line: StoredLine) -> tuple[Ground, ...]:
    code = line["code"]
    if code == "months":
        there, expected = line["of"]
        head = Ground(_("months counted"), _("%(there)s of %(expected)s") % {"there": there, "expected": expected})
        return (head, *(_month(one) for one in line["months"]))
    if code == "departments":
        return tuple(Ground(one["name"], points(one["points"])) for one in line["scores"])
    if code == "satisfaction" and line["asked"]:
        words = _("%(satisfied)s of %(asked)s asked") % {"satisfied": line["satisfied"], "asked": line["asked"]}
        return (Ground("", words),)
    if code == "vote" and line.get("counts"):
        return (
            *(Ground(grade_name(grade), _votes(n)) for grade, n in zip(GRADES, line["counts"], strict=True)),
            Ground(_("entitled to vote"), str(line["entitled"])),
        )
    return ()


def _votes(number: int) -> str:
    return ngettext("%(n)s ballot", "%(n)s ballots", number) % {"n": number}


def _month(one: Mapping[str, Any]) -> Ground:
    words = _("not ranked") if one["points"] is None else points(one["points"])
    return Ground(one["month"], words, reverse("assessments:receipt", args=[one["result"]]))


def _warnings(line: StoredLine, rules: YearRules) -> tuple[str, ...]:
    if line["code"] != "vote" or not line.get("counts"):
        return ()
    ballots = year.Ballots(tuple(line["counts"]), line["entitled"])  # type: ignore[arg-type]
    return tuple(vote_words(code, rules) for code in year.vote_warnings(rules, ballots, ""))


def vote_words(code: str, rules: YearRules) -> str:
    if code == "few_present":
        return _("fewer ballots than %(share)s per cent of those entitled") % {"share": text_of(rules.present_share)}
    return _("the vote alone would give a lower grade")


def _veto(line: StoredLine, receipt: int | None) -> ShownLine:
    return ShownLine(
        code="veto",
        name=f"{line['veto']} {in_language(line['name'], line['name_en'])}",
        value=line["month"],
        rule=_("no better grade than %(grade)s; the score stays") % {"grade": grade_name(line["cap"])},
        full=None,
        points=None,
        url="" if receipt is None else reverse("assessments:receipt", args=[receipt]),
    )


def cadre_warnings(row: CadreResult, rules: YearRules) -> list[str]:
    """What the county should look at before the grade stands."""
    for line in row.lines:
        for part in line.get("parts", ()):
            if part["code"] == "vote" and part.get("counts"):
                ballots = year.Ballots(tuple(part["counts"]), part["entitled"])
                return [vote_words(code, rules) for code in year.vote_warnings(rules, ballots, row.grade)]
    return []


# --- Grades -------------------------------------------------------------------------------


@dataclass(frozen=True)
class GradeCount:
    grade: str
    name: str
    tone: str
    number: int
    share: Decimal | None


def grade_counts(grades: Iterable[str]) -> list[GradeCount]:
    """How many have each grade, and their share of those who have one."""
    counts = Counter(grades)
    graded = sum(counts[grade] for grade in GRADES)
    return [
        GradeCount(
            grade,
            grade_name(grade),
            TONES[grade],
            counts[grade],
            Decimal(year.half_up(counts[grade] * 1000, graded)).scaleb(-1) if graded else None,
        )
        for grade in GRADES
    ]


def warning_texts(warnings: Iterable[year.QuotaWarning]) -> list[str]:
    """One query for the names."""
    warnings = list(warnings)
    names = dict(Unit.objects.filter(path__in=[one.group for one in warnings]).values_list("path", "name"))
    return [
        _("%(township)s: %(excellent)s excellent, the share allows %(allowed)s of %(number)s")
        % {
            "township": names.get(one.group, ""),
            "excellent": one.excellent,
            "allowed": one.allowed,
            "number": one.number,
        }
        for one in warnings
    ]


def village_rows(assessment: YearAssessment, user: User) -> Any:
    return VillageYear.objects.for_user(user).filter(assessment=assessment).select_related("village")

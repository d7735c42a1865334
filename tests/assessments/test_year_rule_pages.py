"""The worked examples of docs/rules/year.md and docs/rules/cadre-results.md say what the program does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from assessments import year
from assessments.year import Ballots, MonthPlace
from assessments.year_rules import GRADES, Department, Ladder, default_rules, score_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "rules" / name for name in ("year.md", "cadre-results.md")]
EXAMPLE = re.compile(r"<!-- year: (?P<kind>\w+) -->\n(?P<table>(?:\|.*\n)+)")
NOTHING = "—"
NAMES = dict(zip(("优秀", "称职", "基本称职", "不称职"), GRADES, strict=True))
DEPARTMENTS = ("部门一", "部门二", "部门三")
RULES = default_rules().changed(departments=tuple(Department(name) for name in DEPARTMENTS))
WORDS = {
    "months": "月度平均",
    "satisfaction": "满意度",
    "village": "村得分",
    "results": "实绩",
    "vote": "测评",
    "township": "乡镇评价",
}
Row = dict[str, str]


def _rows(table: str) -> list[Row]:
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


ALL = [
    (found["kind"], row)
    for page in PAGES
    for found in EXAMPLE.finditer(page.read_text(encoding="utf-8"))
    for row in _rows(found["table"])
]


def _hundredths(text: str) -> int | None:
    if text == NOTHING:
        return None
    whole, _dot, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def _missing(codes: tuple[str, ...]) -> str:
    return " ".join(WORDS.get(code, code.removeprefix("department:")) for code in codes)


def _village(row: Row) -> None:
    months = [_hundredths(text) for text in row["月度总分"].split()]
    given = zip(DEPARTMENTS, map(_hundredths, row["部门评分"].split()), strict=True)
    asked, _slash, satisfied = row["调查/满意"].partition("/")
    score = year.village_score(
        RULES,
        months=[month for month in months if month is not None],
        expected=12,
        departments={name: points for name, points in given if points is not None},
        survey=None if asked == NOTHING else (int(asked), int(satisfied)),
    )
    printed = [None if line.value is None else line.points for line in score.lines]
    assert printed == [_hundredths(row[name]) for name in ("月度平均", "部门", "满意度")]
    assert (score.total, _missing(score.missing)) == (_hundredths(row["总分"]), row["缺"])


def _grade(row: Row) -> None:
    caps = [NAMES[name] for name in row["一票否决的年度最高等次"].split()]
    assert year.capped(RULES.grade_of(score_of(row["总分"])), caps) == NAMES[row["等次"]]


def _quota(row: Row) -> None:
    assert all(RULES.allowed(int(number)) == int(allowed) for number, allowed in row.items() if number.isdecimal())


def _counts(texts: list[str]) -> tuple[int, int, int, int]:
    first, second, third, fourth = map(int, texts)
    return first, second, third, fourth


def _ballots(row: Row) -> None:
    counts = _counts([row[name] for name in NAMES])
    place = year.grade_of_ballots(counts)
    assert year.vote_value(Ballots(counts), RULES.ballots) == _hundredths(row["折成分数"])
    assert row["按票数等次"] == (NOTHING if place is None else list(NAMES)[place])


def _cadre(row: Row) -> None:
    votes = row["优秀/称职/基本/不称职"]
    ballots = None if votes == NOTHING else Ballots(_counts(votes.split("/")))
    personal = year.personal_score(
        RULES, results=_hundredths(row["实绩"]), ballots=ballots, township=_hundredths(row["乡镇评价"])
    )
    score = year.cadre_score(RULES, _hundredths(row["村得分"]), personal)
    assert (personal.total, score.total) == (_hundredths(row["个人得分"]), _hundredths(row["总分"]))
    assert _missing(score.missing) == row["缺"]


def _ladder(row: Row) -> None:
    months = [date(2026, month, 1) for month in range(1, 7)]
    ranks = zip(months, row["各月名次（共 5 个村，1–6 月）"].split(), strict=True)
    places = [MonthPlace(month, int(rank), 5) for month, rank in ranks if rank != NOTHING]
    held = {months[int(number) - 1] for number in row["任职月份"].split()}
    assert (year.last_places(Ladder(), places, held, months[-1]) is not None) == (row["是否提示"] == "是")


RUN: dict[str, Callable[[Row], None]] = {
    "village": _village,
    "grade": _grade,
    "quota": _quota,
    "ballots": _ballots,
    "cadre": _cadre,
    "ladder": _ladder,
}


@pytest.mark.parametrize(("kind", "row"), ALL)
def test_worked_example(kind: str, row: Row) -> None:
    RUN[kind](row)


def test_every_kind_has_examples() -> None:
    assert {kind for kind, _row in ALL} == RUN.keys()
    assert sum(page.read_text(encoding="utf-8").count("<!-- year:") for page in PAGES) == len(RUN)

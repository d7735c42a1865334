"""Every worked example of docs/rules is run; every rule type has its page and every page its examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assessments import engine, ranking, scoring
from assessments.rules import (
    PARAMETERS,
    GradeLine,
    IndicatorRule,
    SchemeRules,
    points_text,
    scheme_problems,
    to_hundredths,
)
from branches.workdays import add_working_days, working_days_between
from tests.assessments import plain
from tests.assessments.pay_pages import run_pay_month

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for page in (ROOT / "docs" / "rules").glob("*.md") if page.name != "README.md")
EXAMPLE = re.compile(r"<!-- example: (?P<kind>[a-z-]+) -->\n(?:```json\n(?P<data>[^`]*)```\n)?(?P<table>(?:\|.*\n)+)")
ELSEWHERE = re.compile(r"\btests/[\w/]+\.py\b")

Row = dict[str, str]


@dataclass(frozen=True)
class Example:
    page: str
    kind: str
    data: Any
    rows: list[Row]


def _examples(page: Path) -> list[Example]:
    return [
        Example(page.name, found["kind"], json.loads(found["data"]) if found["data"] else None, _rows(found["table"]))
        for found in EXAMPLE.finditer(page.read_text(encoding="utf-8"))
    ]


def _rows(table: str) -> list[Row]:
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


ALL = [example for page in PAGES for example in _examples(page)]
STATE_TEXTS = {number: word for word, number in plain.STATE_WORDS.items() if word != "无应办"}


def _run_rule(example: Example) -> None:
    item = plain.rule(**{name: value for name, value in example.data.items() if name != "effective"})
    size = len(example.rows)
    share = scoring.share(item, plain.columns(item, [row["本月值"] for row in example.rows]), size)
    weight = to_hundredths(example.data.get("effective", example.data["weight"]))
    for number, row in enumerate(example.rows):
        points, low, high = (
            points_text(int(scoring.half_up(np.full(size, weight), part, share.whole)[number]))
            for part in (share.part, share.low, share.high)
        )
        given = STATE_TEXTS.get(int(share.states[number]), points)
        assert given == row["得分"], row
        if row.get("最低"):
            assert (low, high) == (row["最低"], row["最高"]), row


def _run_redistribution(example: Example) -> None:
    codes = list(example.data)
    places = {letter: number for number, letter in enumerate(sorted({code[0] for code in codes}))}
    applies = np.array([[code not in row["不适用"].split() for row in example.rows] for code in codes])
    weights = scoring.effective_weights(
        np.array([to_hundredths(weight) for weight in example.data.values()]),
        np.array([places[code[0]] for code in codes]),
        applies,
    )
    for number, row in enumerate(example.rows):
        given = {code: points_text(int(weights.of(place)[number])) for place, code in enumerate(codes)}
        assert given == {code: row[code] for code in codes}, row


def _with_adjustments(data: Any) -> SchemeRules:
    fields = {"code": "", "name": "", "kind": ""}
    snapshot = plain.scheme(plain.score_rule()).to_snapshot()
    items = [{**fields, "name": item["code"], **item} for item in data.pop("adjustments")]
    return SchemeRules.from_snapshot({**snapshot, **data, "adjustments": items})


def _run_adjustments(example: Example) -> None:
    rules = _with_adjustments(dict(example.data))
    assert scheme_problems(rules) == []
    records = [
        (number, item, level, int(count))
        for number, row in enumerate(example.rows)
        for item, level, count in map(_adjustment, filter(None, row["加分减分"].split(";")))
    ]
    result = plain.scored(rules, {"S1": [row["指标合计"] for row in example.rows]}, *records)
    for number, row in enumerate(example.rows):
        given = [points_text(int(part[number])) for part in (result.bonus, result.penalty, result.total)]
        assert given == [row["加分"], row["减分"], row["总分"]], row
        assert sum(line.points for line in result.receipt_lines(number)) == result.total[number]


def _adjustment(text: str) -> tuple[str, str, str]:
    item, *level, count = text.split()
    return item, " ".join(level), count


def _edges(text: str) -> tuple[int, int]:
    low, _dash, high = text.partition("–")
    return to_hundredths(low), to_hundredths(high or low)


def _standings(example: Example) -> tuple[Any, Any, Any]:
    is_vetoed = np.array([bool(row["一票否决"]) for row in example.rows])
    edges = np.array([_edges(row["得分"]) for row in example.rows])
    low, high = (ranking.standing(edges[:, side], is_vetoed) for side in (0, 1))
    return low, high, np.zeros(len(example.rows), np.int64)


def _run_ranking(example: Example) -> None:
    low, high, groups = _standings(example)
    ranks = ranking.competition_ranks(low, groups, low == high)
    best, worst = ranking.rank_ranges(low, high, groups, np.ones(len(low), np.bool_), low == high)
    for number, row in enumerate(example.rows):
        given = [str(part[number]) for part in (ranks, best, worst)]
        assert given == [row["名次"].replace("—", "0"), row["最好"], row["最差"]], row


def _run_distance(example: Example) -> None:
    standing, _high, groups = _standings(example)
    ranks = ranking.competition_ranks(standing, groups, np.ones(len(groups), np.bool_))
    gaps, targets = ranking.distances_to_next_rank(standing, groups, ranks)
    for number, row in enumerate(example.rows):
        given = [str(ranks[number]), points_text(int(gaps[number])), str(targets[number])]
        assert given == [row["名次"], row["差"] or "0", row["到第几名"] or "0"], row


def _graded(example: Example) -> engine.Scored:
    grades = tuple(
        GradeLine(code=name, name=name, minimum=to_hundredths(minimum), best_share_percent=share)
        for name, minimum, share in example.data["grades"]
    )
    vetoes = [
        {"code": code, "kind": "veto", "grade_cap": cap, "ranks_last": is_last}
        for code, (cap, is_last) in example.data["vetoes"].items()
    ]
    rules = _with_adjustments({"adjustments": vetoes})
    rules = SchemeRules.from_snapshot(
        {**rules.to_snapshot(), "grades": plain.scheme(plain.score_rule(), grades=grades).to_snapshot()["grades"]}
    )
    records = [(number, code) for number, row in enumerate(example.rows) for code in row["一票否决"].split()]
    kinds = plain.groups(len(example.rows), township=[row["乡镇"] for row in example.rows])
    return plain.scored(rules, {"S1": [row["得分"] for row in example.rows]}, *records, groups=kinds)


def _run_grades(example: Example) -> None:
    result = _graded(example)
    for number, row in enumerate(example.rows):
        given = (str(result.ranks["county"][number]), result.grade_code(number))
        assert given == (row["名次"].replace("—", "0"), row["等次"]), row
        assert bool(result.is_held_back[number]) == bool(row.get("名额已满")), row


def _run_quota(example: Example) -> None:
    before = next(other for other in ALL if other.page == example.page and other.kind == "grades")
    graded = _graded(before)
    given = [
        {
            "乡镇": graded.groups.township.codes[found.township],
            "等次": found.grade,
            "村数": str(found.villages),
            "名额": str(found.allowed),
            "够线": str(found.reached),
            "实给": str(found.awarded),
        }
        for found in graded.warnings
    ]
    assert given == example.rows


def _run_movement(example: Example) -> None:
    def totals(name: str) -> tuple[Any, Any]:
        texts = [row[name] for row in example.rows]
        return np.array([to_hundredths(text.replace("—", "0")) for text in texts]), np.array([t != "—" for t in texts])

    groups = np.zeros(len(example.rows), np.int64)
    first, latest, rescored, now = (
        totals(name) for name in ("上月首次得分", "上月更正后得分", "上月重算得分", "本月得分")
    )
    last = ranking.LastMonth(
        groups,
        ranking.competition_ranks(first[0], groups, first[1]),
        ranking.competition_ranks(latest[0], groups, latest[1]),
        rescored[0],
        rescored[1],
    )
    ranks = ranking.competition_ranks(now[0], groups, now[1])
    found = ranking.movement(ranks, now[0], np.arange(len(groups)), np.ones(len(groups), np.bool_), last)
    for number, row in enumerate(example.rows):
        parts = [found.total, found.correction, found.rules, found.own, found.others]
        given = [str(part[number]) if found.is_known[number] else "" for part in parts]
        assert given == [row[name] for name in ("变化", "更正", "规则", "本村", "别村")], row


def _exceptions(example: Example) -> dict[date, bool]:
    return {date.fromisoformat(day): is_worked for day, is_worked in example.data.items()}


def _run_working_days(example: Example) -> None:
    for row in example.rows:
        start = date.fromisoformat(row["起"])
        assert add_working_days(start, int(row["工作日数"]), _exceptions(example)).isoformat() == row["到"], row


def _run_days_late(example: Example) -> None:
    for row in example.rows:
        days = date.fromisoformat(row["到期"]), date.fromisoformat(row["实际"])
        assert working_days_between(*days, _exceptions(example)) == int(row["逾期"]), row


RUNNERS: dict[str, Callable[[Example], None]] = {
    "pay-month": lambda example: run_pay_month(example.data, example.rows),
    "rule": _run_rule,
    "redistribution": _run_redistribution,
    "adjustments": _run_adjustments,
    "ranking": _run_ranking,
    "distance": _run_distance,
    "grades": _run_grades,
    "quota": _run_quota,
    "movement": _run_movement,
    "working-days": _run_working_days,
    "days-late": _run_days_late,
}


@pytest.mark.parametrize("example", ALL, ids=[f"{example.page}-{example.kind}-{n}" for n, example in enumerate(ALL)])
def test_worked_example(example: Example) -> None:
    assert example.rows
    RUNNERS[example.kind](example)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_has_examples_here_or_names_the_test_that_runs_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = _examples(page)
    assert text.count("<!-- example: ") == len(found), "an example is written in another layout"
    if found:
        assert "\n> Summary: " in text
    else:
        elsewhere = ELSEWHERE.findall(text)
        assert elsewhere, "a rule without an example: add a table, or name the test that runs it"
        assert all((ROOT / path).is_file() for path in elsewhere)


@pytest.mark.parametrize("rule_type", PARAMETERS)
def test_every_rule_type_has_its_page_with_its_own_examples(rule_type: str) -> None:
    page = ROOT / "docs" / "rules" / f"{rule_type.replace('_', '-')}.md"
    found = _examples(page)
    assert found
    if rule_type not in {"bonus", "penalty", "veto"}:
        assert {example.data["rule_type"] for example in found} == {rule_type}


def test_the_pages_show_rules_that_an_author_may_publish() -> None:
    for example in ALL:
        if example.kind == "rule":
            item: IndicatorRule = plain.rule(**{k: v for k, v in example.data.items() if k != "effective"})
            assert plain.problem_codes(item) == []

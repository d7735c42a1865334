"""Runs the tables of docs/rules/pay.md: people, posts and flags as the page writes them, yuan by month."""

from __future__ import annotations

from datetime import date
from typing import Any

from assessments.pay import Facts, Flag, Held, Rate, Suspension, Terms, due_for

RATES = {"secretary": 500, "director": 400, "other": 300}
VILLAGE = 1


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _held(people: dict[str, Any]) -> list[Held]:
    found = []
    for person, posts in enumerate(people.values()):
        for post in posts:
            code, first, last = post if isinstance(post, list) else (post, "", "")
            found.append(Held(len(found), person, VILLAGE, code, _day(first), _day(last)))
    return found


def run_pay_month(data: dict[str, Any], rows: list[dict[str, str]]) -> None:
    names = list(data["people"])
    begins = date(2026, 1, 1)
    facts = Facts(
        held=_held(data["people"]),
        flags=[
            Flag(number, VILLAGE, code, _month(first), _month(last))
            for number, (code, first, last) in enumerate(data["flags"])
        ],
        rates=[Rate("monthly", group, "", yuan * 100, begins) for group, yuan in RATES.items()],
        terms=[Terms(begins, data.get("day", 1), frozenset({30, 40, 50, 60}))],
        suspensions=[
            Suspension(names.index(name), date.fromisoformat(first), _day(last))
            for name, first, last in data.get("suspensions", [])
        ],
        approved={VILLAGE: data.get("approved", 9)},
    )
    for row in rows:
        due = due_for(_month(row["月份"]), facts)
        given = {name: due[person, VILLAGE].amount for person, name in enumerate(names) if (person, VILLAGE) in due}
        assert {name: str(given.get(name, 0) // 100) for name in names} == {name: row[name] for name in names}, row
        assert str(sum(given.values()) // 100) == row["全村"], row

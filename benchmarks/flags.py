"""A round of one flag for every village: applied, reviewed, rechecked, decided, noticed, awarded.

    python -m benchmarks.flags --size county
    python -m benchmarks.flags --size province

Works in the database of DATABASE_URL, which it fills with units of its own: give it one made for the purpose. A
province goes through in one go, as if it were one county. What is shown is the number of queries of each step, which
is the same for a county and a province apart from the portions of 5 000 keys, and the seconds. Of a county the usual
way stands beside it: the same steps, one village at a time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from assessments.models import FlagCategory, FlagRound  # noqa: E402
from assessments.services.flag_awards import approve_awards, prepare_awards  # noqa: E402
from assessments.services.flag_decisions import Decision, decide_applications, start_notice  # noqa: E402
from assessments.services.flag_path import (  # noqa: E402
    Recheck,
    Review,
    Wish,
    apply_for_flags,
    recheck_applications,
    review_applications,
)
from assessments.services.flag_rounds import add_round, open_round  # noqa: E402
from benchmarks.measuring import machine  # noqa: E402
from benchmarks.month import county, province  # noqa: E402
from branches.models import Membership, Unit  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402

NOW = datetime(2026, 6, 20, 2, 0, tzinfo=UTC)
MEETING, NOTICE, AWARDED = date(2026, 6, 20), date(2026, 6, 22), date(2026, 6, 30)


def people(root: Unit) -> dict[str, User]:
    roles = {"applicant": Role.TS, "reviewer": Role.TS, "department": Role.LD, "staff": Role.CS, "leader": Role.CL}
    confirmer, _is_new = User.objects.get_or_create(username="flags-confirmer", defaults={"name": "confirmer"})
    found = {}
    for name, role in roles.items():
        user, is_new = User.objects.get_or_create(username=f"flags-{name}", defaults={"name": name})
        if is_new:
            subjects = "F1" if role == Role.LD else ""
            Membership.objects.create(
                user=user, role=role, unit=root, subjects=subjects, valid_from=date(2020, 1, 1), confirmed_by=confirmer
            )
        found[name] = User.objects.get(pk=user.pk)
    return found


def counted(steps: list[dict[str, Any]], name: str, act: Callable[[], Any]) -> Any:
    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        started = time.perf_counter()
        found = act()
        steps.append({"step": name, "seconds": round(time.perf_counter() - started, 4), "queries": queries})
    return found


def run(size: str) -> dict[str, Any]:
    if not Unit.objects.exists():
        load_divisions(province() if size == "province" else county(), date(2020, 1, 1), source="benchmark")
    kind = "county" if Unit.objects.counties().count() == 1 else "province"
    root = Unit.objects.filter(kind=kind).get()
    cast = people(root)
    villages = list(Unit.objects.villages().order_by("path"))
    steps: list[dict[str, Any]] = []
    name = f"b{FlagRound.objects.count() + 1}"
    row = counted(steps, "open", lambda: _opened(root, name, cast["staff"]))
    _through(row, villages, cast, steps)
    found = {"benchmark": "flags", "villages": len(villages), "steps": steps, "machine": machine()}
    if size == "county":
        peer: list[dict[str, Any]] = []
        other = _opened(root, f"{name}-peer", cast["staff"])
        for village in villages:
            _through(other, [village], cast, peer)
        found["whole"] = {"ours": _sum(steps[1:]), "one village at a time": _sum(peer)}
    return found


def _sum(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "seconds": round(sum(step["seconds"] for step in steps), 2),
        "queries": sum(step["queries"] for step in steps),
    }


def _through(row: FlagRound, villages: list[Unit], cast: dict[str, User], steps: list[dict[str, Any]]) -> None:
    """Every step from the application to the award, for all these villages at once."""
    category = FlagCategory.objects.select_related("round").get(round=row, code="F1")
    items = list(category.criteria.all())
    entered = {item.code: int(item.points * 100) for item in items if item.source == "T"}
    given = {item.code: True if item.is_gate else int(item.points * 100) for item in items if item.source != "T"}
    wishes = [Wish(village, category.pk, entered) for village in villages]
    rows = counted(steps, "apply", lambda: apply_for_flags(row, wishes, by=cast["applicant"], now=NOW))
    ids = [one.pk for one in rows]
    reasons = dict.fromkeys(given, "b")
    reviews, rechecks = [Review(pk, "b") for pk in ids], [Recheck(pk, given, reasons) for pk in ids]
    decisions = [Decision(pk, True) for pk in ids]
    staff, later = cast["staff"], NOW + timedelta(days=10)
    counted(steps, "review", lambda: review_applications(reviews, by=cast["reviewer"], now=NOW))
    counted(steps, "recheck", lambda: recheck_applications(rechecks, by=cast["department"], now=NOW))
    meeting = {"met_on": MEETING, "minute_number": "b", "by": staff, "now": NOW}
    counted(steps, "decide", lambda: decide_applications(category, decisions, **meeting))
    counted(steps, "notice", lambda: start_notice(row, ids, from_on=NOTICE, by=staff, now=NOW))
    awards = counted(steps, "prepare", lambda: prepare_awards(row, ids, awarded_on=AWARDED, by=staff, now=later))
    keys = [award.pk for award in awards]
    counted(steps, "approve", lambda: approve_awards(keys, by=cast["leader"], now=later))


def _opened(root: Unit, name: str, by: User) -> FlagRound:
    values = {
        "name": name,
        "first_on": date(2026, 1, 1),
        "last_on": date(2026, 6, 30),
        "apply_by": date(2026, 6, 30),
        "valid_to": date(2026, 12, 31),
    }
    row = add_round(root, values, copy_of=None, by=by)
    return open_round(row, version=row.version, by=by, now=NOW)


def main() -> None:
    parser = argparse.ArgumentParser(description="A round of flags.")
    parser.add_argument("--size", choices=("county", "province"), default="county")
    parser.add_argument("--rounds", type=int, default=1, help="kept for make bench; one run is shown")
    known, _others = parser.parse_known_args()
    found = run(known.size)
    for step in found["steps"]:
        print(f"{step['step']:<10}{step['seconds']:>10.2f} s{step['queries']:>8} queries")
    for way, sums in found.get("whole", {}).items():
        print(f"{way}: {sums['seconds']:.2f} s, {sums['queries']} queries")
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""A province's money: overview, boards and ledgers over 30 000 projects and 5 million entries, and every sum verified.

    python -m benchmarks.economy --size province --rounds 3
    python -m benchmarks.economy --size county

Works in the database of DATABASE_URL: give it one made for the purpose. A province is filled by statements of
PostgreSQL, with the guards of single rows off while it is filled and every sum verified afterwards; a county goes
through the guards. Each page is asked for by somebody of one county and by somebody of the whole place. For the income
of the overview, the floor is one bare statement over the months and the peer sums the entries, as one would write it
first. On PostgreSQL the plans of the statements that read entries, months, projects and payments are printed.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from benchmarks.measuring import machine  # noqa: E402
from benchmarks.month import county, province  # noqa: E402
from branches.models import Membership, Unit  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402
from collective_economy.models import (  # noqa: E402
    BusinessModel,
    IncomeTarget,
    LedgerEntry,
    LedgerMonth,
    Milestone,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectShare,
    ProjectSource,
    Stage,
)
from collective_economy.models.ledger import CATEGORIES, COUNTED_AS_OPERATING  # noqa: E402
from collective_economy.verifying import verify  # noqa: E402

SIZES = {"county": (300, 24, 10), "province": (30_000, 25, 4)}
"""Projects, months, entries of a village in a month."""
PER_PROJECT = Decimal(200_000)
BATCH = 5_000
COUNTY = 3 * Unit.steplen
"""Length of a county's path: province, city, county."""
GUARDED = ("ledgerentry", "ledgermonth", "payment", "projectsource", "programmesource")
TODAY = date(2026, 11, 26)


# --- Filling ----------------------------------------------------------------------------------


def fill(size: str) -> None:
    if LedgerEntry.objects.exists():
        return
    projects, months, entries = SIZES[size]
    load_divisions(province() if size == "province" else county(), date(2018, 1, 1), source="benchmark")
    cast = _people()
    villages = list(Unit.objects.villages().order_by("path").values_list("pk", "path"))
    with unguarded(is_off=size == "province"), transaction.atomic():
        _projects(villages, projects, cast)
        _entries(villages, months, entries, cast[0].pk)
        IncomeTarget.objects.bulk_create(
            (
                IncomeTarget(unit_id=pk, path=path, year=TODAY.year, amount=100_000, entered_by=cast[0])
                for pk, path in villages
            ),
            batch_size=BATCH,
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _people() -> tuple[User, User]:
    first, second = (
        User.objects.create_user(f"bench{at}", name=f"bench{at}", must_change_password=False) for at in (1, 2)
    )
    top = Unit.objects.filter(depth=1).get()
    one = Unit.objects.counties().order_by("path").first()
    for name, unit in (("whole", top), ("one county", one)):
        user = User.objects.create_user(name, name=name, must_change_password=False)
        Membership.objects.create(user=user, role=Role.CS, unit=unit, valid_from=date(2018, 1, 1), confirmed_by=second)
    return first, second


@contextmanager
def unguarded(*, is_off: bool) -> Iterator[None]:
    """The triggers of these tables off, for statements that write rows and their sums at once."""
    with connection.cursor() as cursor:
        for table in GUARDED if is_off else ():
            cursor.execute(f"ALTER TABLE collective_economy_{table} DISABLE TRIGGER USER")
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
        try:
            yield
        finally:
            for table in GUARDED if is_off else ():
                cursor.execute(f"ALTER TABLE collective_economy_{table} ENABLE TRIGGER USER")
            if connection.vendor == "postgresql":
                cursor.execute("RESET statement_timeout")
                cursor.execute("RESET idle_in_transaction_session_timeout")


STAGES = (Stage.POOL, Stage.REVIEW, Stage.IMPLEMENT, Stage.PAY, Stage.ACCEPT, Stage.OPERATE, Stage.DONE)


def _projects(villages: list[tuple[int, str]], count: int, cast: tuple[User, User]) -> None:
    """Projects in every stage, each of one village, with central and own money; of the approved half is received."""
    clerk, checker = cast
    grants = _programmes(count, clerk, checker)
    step = max(1, len(villages) // count)
    made = []
    for at in range(count):
        pk, path = villages[(at * step) % len(villages)]
        stage = STAGES[at % len(STAGES)]
        is_approved = stage not in (Stage.POOL, Stage.REVIEW)
        made.append(
            Project(
                number=f"XM{at:06}",
                name=f"项目{at}",
                year=2026,
                programme_id=grants[path[:COUNTY]].programme_id,
                unit_id=pk,
                path=path,
                business_model=BusinessModel.values[at % 12],
                stage=stage,
                stage_since=date(2026, 5, 1),
                pooled_on=date(2025, 3, 1 + at % 28),
                entered_by=clerk,
                approved_by=checker if is_approved else None,
                approved_on=date(2026, 3, 1) if is_approved else None,
                start_on=date(2026, 4, 1),
                finish_on=date(2026, 12, 31),
                progress_percent=at % 101,
                started_on=date(2026, 4, 5) if is_approved and at % 3 else None,
                expected_income=Decimal(20_000),
            )
        )
    made = Project.objects.bulk_create(made, batch_size=BATCH)
    ProjectShare.objects.bulk_create(
        (ProjectShare(project=project, unit_id=project.unit_id, path=project.path) for project in made),
        batch_size=BATCH,
    )
    Milestone.objects.bulk_create(
        (
            Milestone(project=project, name=name, due_on=due, done_on=due if at % 2 else None)
            for at, project in enumerate(made)
            for name, due in (("开工", date(2026, 4, 30)), ("完工", date(2026, 10, 31)))
        ),
        batch_size=BATCH,
    )
    _money(made, grants, clerk, checker)


def _programmes(count: int, clerk: User, checker: User) -> dict[str, ProgrammeSource]:
    """Path of a county -> its programme's central money, confirmed."""
    found = {}
    for unit in Unit.objects.counties():
        programme = Programme.objects.create(
            unit=unit, path=unit.path, name="2026 年第一批", year=2026, document="1 号",
            released_on=date(2026, 1, 10), entered_by=clerk,
        )  # fmt: skip
        found[unit.path] = ProgrammeSource.objects.create(
            programme=programme, source="central", amount=PER_PROJECT * count
        )
        programme.confirmed_by, programme.confirmed_at = checker, timezone.now()
        programme.save(update_fields=["confirmed_by", "confirmed_at"])
    return found


def _money(made: list[Project], grants: dict[str, ProgrammeSource], clerk: User, checker: User) -> None:
    """Three movements of each source: two received, one paid. Sums are written by statement where guards are off."""
    sources = []
    for project in made:
        approved = project.approved_by_id is not None
        grant = grants[project.path[:COUNTY]]
        for source, amount in (("central", PER_PROJECT), ("own", PER_PROJECT / 4)):
            sources.append(
                ProjectSource(
                    project=project,
                    source=source,
                    requested=amount,
                    approved=amount if approved else 0,
                    programme_source=grant if source == "central" and approved else None,
                    due_on=date(2026, 6, 1),
                )
            )
    sources = ProjectSource.objects.bulk_create(sources, batch_size=BATCH)
    Payment.objects.bulk_create(
        (
            Payment(
                project=source.project, path=source.project.path, source=source, kind=kind,
                amount=source.approved * share / 100, paid_on=date(2026, month, 15), summary="款",
                use="build" if kind == "payment" else "", voucher_number=f"{kind}{month}", state="confirmed",
                entered_by=clerk, entered_at=timezone.now(), decided_by=checker, decided_at=timezone.now(),
            )
            for source in sources
            if source.approved
            for kind, share, month in (("receipt", 30, 5), ("receipt", 50, 8), ("payment", 40, 9))
        ),
        batch_size=BATCH,
    )  # fmt: skip
    if connection.vendor == "sqlite" or len(made) <= SIZES["county"][0]:
        return
    table = "collective_economy_projectsource"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS s SET received = p.received, paid = p.paid FROM (SELECT source_id, "
            "SUM(amount) FILTER (WHERE kind = 'receipt') AS received, "
            "SUM(amount) FILTER (WHERE kind = 'payment') AS paid "
            "FROM collective_economy_payment GROUP BY source_id) AS p WHERE p.source_id = s.id"
        )
        cursor.execute(
            f"UPDATE collective_economy_programmesource AS g SET allocated = s.sum FROM (SELECT programme_source_id, "
            f"SUM(approved) AS sum FROM {table} GROUP BY 1) AS s WHERE s.programme_source_id = g.id"
        )


def _entries(villages: list[tuple[int, str]], months: int, each: int, clerk: int) -> None:
    """So many entries of every village in every month up to this one; amounts differ, one in eight has no voucher."""
    if connection.vendor == "postgresql" and len(villages) > BATCH:
        _entries_by_statement(months, each, clerk)
        return
    span = list(_months(months))
    LedgerEntry.objects.bulk_create(
        (
            LedgerEntry(
                unit_id=pk, path=path, month=month, day=month.replace(day=1 + at), category=CATEGORIES[at % 9],
                amount=Decimal((pk * 7 + at * 131 + month.month * 17) % 100_000) / 100, summary="租金",
                voucher_number="" if at % 8 == 7 else f"{at}", entered_by_id=clerk,
            )
            for pk, path in villages
            for month in span
            for at in range(each)
        ),
        batch_size=BATCH,
    )  # fmt: skip


def _months(count: int) -> Iterator[date]:
    number = TODAY.year * 12 + TODAY.month - count
    for at in range(number, number + count):
        yield date(at // 12, at % 12 + 1, 1)


def _entries_by_statement(months: int, each: int, clerk: int) -> None:
    first = next(iter(_months(months)))
    names = ", ".join(f"'{name}'" for name in CATEGORIES)
    sums = ", ".join(f"SUM(amount) FILTER (WHERE category = '{name}')" for name in CATEGORIES)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO collective_economy_ledgerentry (unit_id, path, month, day, is_total, category, amount, "
            "summary, counterparty, voucher_number, receipt_number, account, attachment_count, reason, entered_by_id, "
            "version) "
            "SELECT u.id, u.path, m.month, m.month + e.at, false, (ARRAY["
            f"{names}])[1 + (e.at * 5 + u.id + EXTRACT(month FROM m.month)::int) %% 9], "
            "((u.id * 7 + e.at * 131 + EXTRACT(month FROM m.month)::int * 17) %% 100000) / 100.0, '租金', '', "
            "CASE WHEN (u.id + e.at) %% 8 = 7 THEN '' ELSE e.at::text END, '', 'collective', 0, '', %s, 1 "
            "FROM branches_unit AS u CROSS JOIN (SELECT (%s::date + (n || ' months')::interval)::date AS month "
            "FROM generate_series(0, %s) AS n) AS m CROSS JOIN generate_series(0, %s) AS e(at) "
            "WHERE u.kind = 'village'",
            [clerk, first, months - 1, each - 1],
        )
        cursor.execute(
            "INSERT INTO collective_economy_ledgermonth (unit_id, path, month, "
            f"{', '.join(CATEGORIES)}, entry_count, voucher_count, difference_note, version) "
            f"SELECT unit_id, path, month, {sums}, COUNT(*), COUNT(*) FILTER (WHERE voucher_number <> ''), '', 1 "
            "FROM collective_economy_ledgerentry GROUP BY unit_id, path, month"
        )


# --- What is asked ----------------------------------------------------------------------------


def pages(client: Client) -> dict[str, Callable[[], Any]]:
    village = Unit.objects.villages().order_by("path").first()
    assert village is not None
    named = {
        "overview": ("overview", []),
        "projects": ("project_list", []),
        "board of projects": ("project_board", []),
        "payments": ("payment_list", []),
        "ledger": ("ledger", []),
        "closing months": ("month_close", []),
        "bands of income": ("bands", []),
        "targets": ("targets", []),
        "contracts": ("contract_list", []),
        "risk flags": ("risk_list", []),
        "village": ("village", [village.pk]),
    }
    return {
        name: partial(client.get, reverse(f"collective_economy:{url}", args=args))
        for name, (url, args) in named.items()
    }


def year_by_months(path: str) -> Any:
    """The floor: operating income of the year by one bare statement over the months."""
    sums = " + ".join(f"COALESCE(SUM({name}), 0)" for name in COUNTED_AS_OPERATING)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {sums} FROM {LedgerMonth._meta.db_table} WHERE path LIKE %s AND month BETWEEN %s AND %s",
            [f"{path}%", date(2026, 1, 1), date(2026, 12, 1)],
        )
        return cursor.fetchone()[0]


def year_by_entries(path: str) -> Any:
    """The peer: the same from the entries, as one would write it first."""
    rows = LedgerEntry.objects.filter(path__startswith=path, month__year=2026, category__in=COUNTED_AS_OPERATING)
    return rows.aggregate(sum=Sum("amount"))["sum"]


def timed(ask: Callable[[], Any], rounds: int) -> tuple[float, int]:
    """Median milliseconds, queries."""
    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    ask()
    with connection.execute_wrapper(count):
        answer = ask()
    assert getattr(answer, "status_code", 200) == 200, answer.status_code
    seconds = []
    for _round in range(rounds):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds), queries


READ = re.compile(r'FROM "collective_economy_(ledgerentry|ledgermonth|project|projectsource|payment|receivable)"')


def plans(asked: dict[str, Callable[[], Any]]) -> str:
    """EXPLAIN of the statements of each page that read the big tables."""
    told = []
    for name, ask in asked.items():
        seen: list[tuple[str, Any]] = []

        def keep(execute: Any, sql: str, params: Any, many: bool, context: Any, seen: Any = seen) -> Any:
            seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(keep):
            ask()
        for sql, params in seen:
            if found := READ.search(sql):
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN {sql}", params)
                    told += [f"--- {name}: {found[1]}", *(line for (line,) in cursor.fetchall())]
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="county")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.size == "province" and connection.vendor == "sqlite":
        print("A province's money is filled by statements of PostgreSQL; on SQLite ask for a county.")
        return
    started = time.perf_counter()
    fill(options.size)
    filled = time.perf_counter() - started
    counts = {
        model._meta.model_name: model._default_manager.count() for model in (Project, Payment, LedgerMonth, LedgerEntry)
    }
    print(f"{options.size}: {counts}, filled in {filled:.0f} s, {machine()}")
    measured: dict[str, dict[str, tuple[float, int]]] = {}
    with override_settings(ALLOWED_HOSTS=["*"]):
        for who in ("one county", "whole"):
            client = Client()
            client.force_login(User.objects.get(username=who))
            asked = pages(client)
            measured[who] = {name: timed(ask, options.rounds) for name, ask in asked.items()}
        small, large = measured.values()
        print(f"{'page':<22}{'one county: ms':>16}{'queries':>9}{'whole: ms':>12}{'queries':>9}")
        for name in small:
            print(f"{name:<22}{small[name][0]:>16.1f}{small[name][1]:>9}{large[name][0]:>12.1f}{large[name][1]:>9}")
        for who, path in (("one county", _path_of_one()), ("whole", "")):
            assert Decimal(year_by_months(path)).quantize(Decimal("0.01")) == year_by_entries(path), "not the same sum"
            floor = timed(partial(year_by_months, path), options.rounds)
            peer = timed(partial(year_by_entries, path), options.rounds)
            print(f"income of the year, {who}: by months {floor[0]:.1f} ms (floor), by entries {peer[0]:.1f} ms (peer)")
        if connection.vendor == "postgresql":
            print(plans(asked))
    verified = _verified()
    print(json.dumps({"benchmark": "economy", "size": options.size, "counts": counts, "pages": measured,
                      "verify": verified, "machine": machine()}))  # fmt: skip


def _path_of_one() -> str:
    county_unit = Unit.objects.counties().order_by("path").first()
    assert county_unit is not None
    return county_unit.path


def _verified() -> dict[str, Any]:
    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    started = time.perf_counter()
    with connection.execute_wrapper(count):
        report = verify()
    seconds = time.perf_counter() - started
    found = {
        "seconds": round(seconds, 2),
        "queries": queries,
        "checked": report.checked_count,
        "differing": report.differing_count,
    }
    print(f"verify_funds: {found}")
    return found


if __name__ == "__main__":
    main()

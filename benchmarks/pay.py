"""Pay sheets of a month prepared: five people in each village, two flags in each. For a county and for a province.

    python -m benchmarks.pay --size county
    python -m benchmarks.pay --size province --rounds 3

Works in the database of DATABASE_URL, which it fills with units, people, posts and flags of its own: give it one made
for the purpose. A province is prepared in one go, as if it were one county.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Q  # noqa: E402

from accounts.bulk import insert_rows  # noqa: E402
from accounts.models import User  # noqa: E402
from assessments.models import (  # noqa: E402
    FlagApplication,
    FlagAward,
    FlagCategory,
    FlagRound,
    PayLine,
    PayRules,
    PaySheet,
    UpliftRate,
)
from assessments.services.pay import COLUMNS, prepare_sheets  # noqa: E402
from benchmarks.measuring import Way, compare, machine, measure, report  # noqa: E402
from benchmarks.month import county, province  # noqa: E402
from branches.models import Unit, Village  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402
from cadres.models import Person, Posting  # noqa: E402

NOW = datetime(2026, 10, 8, 2, 0, tzinfo=UTC)
MONTH = date(2026, 10, 1)
POSTS = (10, 20, 30, 50, 60)
YUAN = {10: 500, 20: 400}
BATCH = 5_000


# --- The data ---------------------------------------------------------------------------------


def root() -> Unit:
    """The unit below which everything is paid."""
    return Unit.objects.filter(kind="county" if Unit.objects.counties().count() == 1 else "province").get()


def fill(size: str) -> None:
    """Units, people, posts and flags, unless they stand there already."""
    if FlagAward.objects.exists():
        return
    if not Unit.objects.exists():
        load_divisions(province() if size == "province" else county(), date(2020, 1, 1), source="benchmark")
    makers = [User.objects.create(username=f"pay-{name}", name=name) for name in ("staff", "leader", "applicant")]
    villages = list(Unit.objects.villages().order_by("path").values_list("pk", "path"))
    with transaction.atomic():
        _terms(root(), makers)
        _people(villages)
        _flags(root(), villages, makers)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _terms(unit: Unit, makers: list[User]) -> None:
    shared = {"unit": unit, "path": unit.path, "valid_from": date(2026, 1, 1), "document": "b", "entered_by": makers[0]}
    approved = {**shared, "approved_by": makers[1], "approved_at": NOW}
    PayRules.objects.create(**approved, other_posts=[30, 40, 50, 60])
    for group, yuan in (("secretary", 500), ("director", 400), ("other", 300)):
        UpliftRate.objects.create(**approved, role_group=group, amount=Decimal(yuan))


def _people(villages: list[tuple[int, str]]) -> None:
    Village.objects.bulk_create(
        [Village(unit_id=pk) for pk, _path in villages], batch_size=BATCH, ignore_conflicts=True
    )
    made = Person.objects.bulk_create(
        [Person(unit_id=pk, name=f"{post}") for pk, _path in villages for post in POSTS], batch_size=BATCH
    )
    Posting.objects.bulk_create(
        [
            Posting(person=person, unit_id=person.unit_id, post=POSTS[place % len(POSTS)], started_on="2021-12")
            for place, person in enumerate(made)
        ],
        batch_size=BATCH,
    )


def _flags(unit: Unit, villages: list[tuple[int, str]], makers: list[User]) -> None:
    half = FlagRound.objects.create(
        unit=unit, path=unit.path, name="b", first_on=date(2026, 1, 1), last_on=date(2026, 6, 30),
        apply_by=date(2026, 6, 30), valid_to=date(2026, 12, 31),
    )  # fmt: skip
    for code in ("F1", "F2"):
        category = FlagCategory.objects.create(round=half, code=code, name=code, lead="b")
        applications = FlagApplication.objects.bulk_create(
            [
                FlagApplication(
                    round=half, category=category, code=code, village_id=pk, path=path, state="awarded",
                    applied_by=makers[2], applied_at=NOW, is_granted=True, decided_by=makers[1],
                    notice_from=date(2026, 6, 20), notice_to=date(2026, 6, 28),
                )
                for pk, path in villages
            ],
            batch_size=BATCH,
        )  # fmt: skip
        FlagAward.objects.bulk_create(
            [
                FlagAward(
                    application=one, round=half, code=code, village_id=one.village_id, path=one.path,
                    number=f"{code}-{one.village_id}", notice_to=date(2026, 6, 28), awarded_on=date(2026, 6, 30),
                    valid_to=date(2026, 12, 31), pay_from=date(2026, 7, 1), prepared_by=makers[0],
                    approved_by=makers[1], approved_at=NOW,
                )
                for one in applications
            ],
            batch_size=BATCH,
        )  # fmt: skip


# --- The ways ---------------------------------------------------------------------------------


def staff() -> User:
    return User.objects.get(username="pay-staff")


def clean() -> None:
    """As before the first run: no sheet."""
    PaySheet.objects.all().delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM assessments_payline")


def outcome() -> dict[str, Any]:
    rows = PayLine.objects.order_by("person_id").values_list("person_id", "amount_cents")
    digest = hashlib.sha256()
    for row in rows.iterator(BATCH):
        digest.update(repr(row).encode())
    return {"result": f"{PayLine.objects.count()} lines", "digest": digest.hexdigest()[:16]}


def ours() -> dict[str, Any]:
    prepare_sheets(root(), MONTH, by=staff(), now=NOW)
    return {}


def new_sheets() -> dict[str, PaySheet]:
    by = staff()
    made = PaySheet.objects.bulk_create(
        [
            PaySheet(unit=unit, path=unit.path, month=MONTH, prepared_by=by, prepared_at=NOW)
            for unit in Unit.objects.townships()
        ],
        batch_size=BATCH,
    )
    return {sheet.path: sheet for sheet in made}


def floor() -> dict[str, Any]:
    """Reads posts and flags, writes as many lines of the same bytes. Works out nothing."""
    with transaction.atomic():
        sheets = new_sheets()
        for _award in FlagAward.objects.order_by().values_list("pk", "village_id", "code").iterator(BATCH):
            pass
        flags = '[{"award":123456,"code":"F1","cents":50000},{"award":123457,"code":"F2","cents":50000}]'
        held = (
            Posting.objects.order_by().values_list("pk", "person_id", "unit_id", "unit__path", "post").iterator(BATCH)
        )
        insert_rows(
            PayLine,
            COLUMNS,
            (
                (
                    sheets[path[:-4]].pk, number, path, unit, person, pk, "other", MONTH.isoformat(), flags, 100_000, 0,
                    100_000, "", "open", None, "",
                )
                for number, (pk, person, unit, path, _post) in enumerate(held, start=1)
            ),
        )  # fmt: skip
    return {}


def query_a_village() -> dict[str, Any]:
    """The usual first version: its posts, its flags and its lines, one village after another."""
    with transaction.atomic():
        sheets = new_sheets()
        for unit in Unit.objects.villages():
            flags = list(FlagAward.objects.filter(village=unit, pay_from__lte=MONTH, approved_by__isnull=False))
            held = Posting.objects.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=MONTH), unit=unit)
            sheet = sheets[unit.parent_path]
            for posting in held.select_related("person").order_by("post"):
                cents = YUAN.get(posting.post, 300) * 100
                PayLine.objects.create(
                    sheet=sheet, number=posting.pk, path=unit.path, village=unit, person=posting.person,
                    posting=posting, role_group="other", for_month=MONTH,
                    flags=[{"award": one.pk, "code": one.code, "cents": cents} for one in flags],
                    uplift_cents=cents * len(flags), amount_cents=cents * len(flags),
                )  # fmt: skip
    return {}


WAYS = (
    Way("floor", floor, clean),
    Way("ours", ours, clean),
    Way("a query for each village", query_a_village, clean, rounds=1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["county", "province"], default="county")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-slow", action="store_true", help="leave out the query for each village")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options, _others = parser.parse_known_args()
    if options.only:
        way = next(way for way in WAYS if way.name == options.only)
        answer = measure(way)
        print(json.dumps(answer | (outcome() if way.name != "floor" else {"result": "nothing worked out"})))
        return
    fill(options.size)
    ways = [way for way in WAYS if not (options.skip_slow and way.rounds)]
    rows = compare("benchmarks.pay", ways, [], options.rounds)
    print(report(f"Pay sheets of a {options.size}", rows, "floor"))
    digests = {row["digest"] for row in rows if "digest" in row}
    print(f"Amounts equal in all ways: {len(digests) == 1} {digests}")
    print(json.dumps({"machine": machine(), "ways": rows}))


if __name__ == "__main__":
    main()

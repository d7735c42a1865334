"""A month computed: read, scored, ranked, receipts written. For a county and for a province.

    python -m benchmarks.month --size county
    python -m benchmarks.month --size province --rounds 3

Works in the database of DATABASE_URL, which it fills with units and values of its own:
give it one made for the purpose. All indicators of the seed scheme are entered values
here; what it costs an app to compute one is measured beside that app.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import django

django.setup()

import orjson  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import TextField  # noqa: E402
from django.db.models.functions import Cast  # noqa: E402

from accounts.bulk import insert_rows  # noqa: E402
from assessments import receipts  # noqa: E402
from assessments.models import Period, Ranking, Result, Return, Scheme, VillageMonth  # noqa: E402
from assessments.rules import IndicatorRule, SchemeRules, from_scaled  # noqa: E402
from assessments.services.closing import close_periods  # noqa: E402
from assessments.services.periods import rules_of_month  # noqa: E402
from benchmarks.measuring import Way, compare, machine, measure, report  # noqa: E402
from branches.divisions import Division  # noqa: E402
from branches.models import Unit  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402

NOW = datetime(2026, 10, 8, 2, 0, tzinfo=UTC)
MONTH = date(2026, 9, 1)
SEED = Path("assessments/seed/scheme.json")
PROVINCE = Path(__file__).parent / "data" / "divisions-41.csv.gz"
COUNTY_TOWNSHIPS, COUNTY_VILLAGES = 20, 20


def rules() -> dict[str, Any]:
    """The seed scheme with every indicator entered by the township and nothing asked of the system."""
    seed = json.loads(SEED.read_text(encoding="utf-8"))
    for item in seed["indicators"]:
        item["source"] = "T"
        item["parameters"] = {k: v for k, v in item["parameters"].items() if k not in {"until_source", "no_data"}}
        if item["parameters"].get("zero_denominator") == "not_applicable":
            item["parameters"]["zero_denominator"] = "full"  # the peers do not spread weights
    for item in seed["adjustments"]:
        item["source_code"] = ""
    keys = (
        "categories",
        "indicators",
        "adjustments",
        "grades",
        "bonus_cap",
        "penalty_cap",
        "name",
        "number",
        "document",
    )
    return SchemeRules.from_snapshot({key: seed[key] for key in keys}).to_snapshot()


# --- The data ---------------------------------------------------------------------------------


def fill(size: str) -> None:
    """Units, months and values, unless they stand there already."""
    if VillageMonth.objects.exists():
        return
    divisions = province() if size == "province" else county()
    load_divisions(divisions, date(2020, 1, 1), source="benchmark")
    snapshot = rules()
    counties = list(Unit.objects.counties())
    schemes = Scheme.objects.bulk_create(
        Scheme(unit=unit, path=unit.path, name="b", number="1", calendar={}) for unit in counties
    )
    periods = Period.objects.bulk_create(
        Period(
            unit=unit, path=unit.path, month=MONTH, scheme=scheme, state="locked", rules_in_force=snapshot,
            opens_at=NOW, submit_by=NOW, review_by=NOW, lock_at=NOW, publish_by=NOW,
        )
        for unit, scheme in zip(counties, schemes, strict=True)
    )  # fmt: skip
    by_county = {period.path: period for period in periods}
    townships = list(Unit.objects.townships())
    returns = Return.objects.bulk_create(
        [Return(period=by_county[unit.parent_path], unit=unit, path=unit.path, state="accepted") for unit in townships],
        batch_size=1000,
    )
    by_township = {row.path: row for row in returns}
    rng = random.Random(7)
    codes = SchemeRules.from_snapshot(snapshot).value_codes()
    columns = (
        "period_id",
        "village_id",
        "submission_id",
        "path",
        "village_class",
        "band",
        "values",
        "notes",
        "remarks",
        "version",
        "updated_at",
    )
    moment = connection.ops.adapt_datetimefield_value(NOW)
    rows = (
        (
            by_township[path[:-4]].period_id, pk, by_township[path[:-4]].pk, path,
            rng.choice(("hub", "tidal", "basic", "hollow")), rng.choice(("shell", "weak", "ordinary", "good")),
            orjson.dumps(values(codes, rng)).decode(), "{}", "{}", 1, moment,
        )
        for pk, path in Unit.objects.villages().order_by("path").values_list("pk", "path")
    )  # fmt: skip
    with transaction.atomic():
        insert_rows(VillageMonth, columns, rows)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def province() -> list[Division]:
    with gzip.open(PROVINCE, "rt", encoding="utf-8") as lines:
        return [Division(row["code"], row["name"]) for row in csv.DictReader(lines)]


def county() -> list[Division]:
    found = [Division("99", "省"), Division("9901", "市"), Division("990101", "县")]
    for township in range(100, 100 + COUNTY_TOWNSHIPS):
        found.append(Division(f"990101{township}", f"乡{township}"))
        found += [
            Division(f"990101{township}{village}", f"村{township}-{village}")
            for village in range(200, 200 + COUNTY_VILLAGES)
        ]
    return found


def values(codes: tuple[str, ...], rng: random.Random) -> dict[str, int]:
    """Every cell given; parts never above their wholes, one whole in ten is zero."""
    found: dict[str, int] = {}
    for code in codes:
        if code.endswith(".n"):
            whole = rng.choice((0, 3, 5, 8, 12, 30, 33, 40, 47, 90))
            found[code], found[f"{code[:-1]}d"] = rng.randint(whole // 2, whole) * 10_000, whole * 10_000
        elif not code.endswith(".d"):
            found[code] = {"E1": rng.randint(550, 990) * 1000, "D6": rng.randint(550, 950) * 1000}.get(
                code, rng.randint(0, 3) * 10_000
            )
    return found


# --- The ways ---------------------------------------------------------------------------------


def clean() -> None:
    """As before the first run: no draft, statistics fresh."""
    Ranking.objects.all().delete()
    Period.objects.update(state="locked")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM assessments_result")


def outcome() -> dict[str, Any]:
    rows = Result.objects.order_by("path").values_list("path", "total_hundredths", "county_rank")
    return {"result": f"{rows.count()} ranked", "digest": hash_of(list(rows))}


def hash_of(rows: list[tuple[Any, ...]]) -> str:
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def ours() -> dict[str, Any]:
    close_periods(list(Period.objects.values_list("pk", flat=True)), by=None, now=NOW)
    return {}


def new_rankings() -> dict[int, Ranking]:
    made = Ranking.objects.bulk_create(
        Ranking(
            period=period, path=period.path, revision=1, rules=period.rules_in_force, computed_at=NOW,
            inputs_checksum="", rules_checksum="", checksum="",
        )
        for period in Period.objects.all()
    )  # fmt: skip
    return {ranking.period_id: ranking for ranking in made}


def floor() -> dict[str, Any]:
    """Scan the month's rows, write as many results of the same bytes. Scores nothing."""
    with transaction.atomic():
        rankings = new_rankings()
        rows = VillageMonth.objects.order_by("period__path", "path").annotate(text=Cast("values", TextField()))
        found = rows.values_list("period_id", "village_id", "path", "text").iterator(chunk_size=2000)
        line = "[[" + ",".join(["10000", "1", "300", "250"] * 29) + "],[],[]]"
        insert_rows(
            Result,
            receipts.COLUMNS,
            (
                (
                    rankings[period_id].pk, village_id, path, "hub", "weak", 9000, 9000, 9000, 0, 0,
                    "[3000,1400,2200,2000,1400]", 1, 1, 1, 1, 1, 1, "middle", "", *[None] * 7, "[]", line,
                )
                for period_id, village_id, path, _text in found
            ),
        )  # fmt: skip
    return {}


def orm_app() -> dict[str, Any]:
    """What a competent team would write first: objects, Decimal, bulk_create."""
    with transaction.atomic():
        rankings = new_rankings()
        for period in Period.objects.select_related("unit"):
            one = rules_of_month(period)
            rows = list(
                VillageMonth.objects.filter(period=period).select_related("village", "submission").order_by("path")
            )
            Result.objects.bulk_create(scored(one, rows, rankings[period.pk]), batch_size=500)
    return {}


def query_a_village() -> dict[str, Any]:
    """The usual first version: fetch, score and save one village after another."""
    with transaction.atomic():
        rankings = new_rankings()
        for period in Period.objects.all():
            one = rules_of_month(period)
            for village_id in VillageMonth.objects.filter(period=period).values_list("village_id", flat=True):
                row = VillageMonth.objects.select_related("village").get(period=period, village_id=village_id)
                for result in scored(one, [row], rankings[period.pk]):
                    result.save()
            results = Result.objects.filter(ranking=rankings[period.pk]).order_by("-total_hundredths")
            ranks = ranks_of([result.low_hundredths for result in results])
            for result, rank in zip(results, ranks, strict=True):
                result.county_rank = rank
                result.save(update_fields=["county_rank"])
    return {}


def scored(one: SchemeRules, rows: list[VillageMonth], ranking: Ranking) -> list[Result]:
    found = []
    for row in rows:
        lines = [(item.code, points(item, row.values)) for item in one.indicators]
        total = sum((value for _code, value in lines), Decimal(0))
        hundredths = int(total.scaleb(2))
        found.append(
            Result(
                ranking=ranking, village=row.village, path=row.path, village_class=row.village_class, band=row.band,
                total_hundredths=hundredths, low_hundredths=hundredths, high_hundredths=hundredths,
                rank_best=1, rank_worst=1, grade="middle", lines=[[code, str(value)] for code, value in lines],
            )
        )  # fmt: skip
    ordered = sorted(found, key=lambda result: result.low_hundredths, reverse=True)
    for result, rank in zip(ordered, ranks_of([one.low_hundredths for one in ordered]), strict=True):
        result.county_rank = result.rank_best = result.rank_worst = rank
    return found


def ranks_of(totals: list[int]) -> list[int]:
    """1, 2, 2, 4 of totals in falling order."""
    ranks: list[int] = []
    for place, total in enumerate(totals, start=1):
        ranks.append(ranks[-1] if place > 1 and totals[place - 2] == total else place)
    return ranks


def points(item: IndicatorRule, stored: dict[str, int]) -> Decimal:
    """Points of an indicator by the words of its rule page, in Decimal."""
    weight = Decimal(item.weight).scaleb(-2)
    numbers = [from_scaled(stored[code]) for code in item.value_codes()]
    if len(numbers) == 2 and numbers[1] == 0:
        return {"full": weight, "zero": Decimal(0)}.get(item.zero_denominator, weight)
    value = numbers[0] * 100 / numbers[1] if len(numbers) == 2 else numbers[0]
    return (weight * min(max(part(item, value, weight), Decimal(0)), Decimal(1))).quantize(
        Decimal("0.01"), ROUND_HALF_UP
    )


def part(item: IndicatorRule, value: Decimal, weight: Decimal) -> Decimal:
    if item.rule_type == "pass_fail":
        return Decimal(value >= Decimal(item.setting("threshold")))
    if item.rule_type == "ratio":
        return value / Decimal(item.setting("target"))
    if item.rule_type == "linear":
        low, high = Decimal(item.setting("low")), Decimal(item.setting("high"))
        return (value - low) / (high - low)
    if item.rule_type == "deduct_each":
        return 1 - Decimal(item.setting("points")) * value / weight
    if item.rule_type == "inspection":
        return value / Decimal(item.setting("full_score"))
    for band in item.rows("bands"):
        start, end = band.get("from"), band.get("to")
        if (start is None or value >= Decimal(start)) and (end is None or value < Decimal(end)):
            return Decimal(band["points"]) / weight
    return Decimal(0)


WAYS = (
    Way("floor", floor, clean),
    Way("ours", ours, clean),
    Way("competent ORM app", orm_app, clean),
    Way("a query for each village", query_a_village, clean, rounds=1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["county", "province"], default="county")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-slow", action="store_true", help="leave out the query for each village")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        way = next(way for way in WAYS if way.name == options.only)
        answer = measure(way)
        print(json.dumps(answer | (outcome() if way.name != "floor" else {"result": "nothing scored"})))
        return
    fill(options.size)
    ways = [way for way in WAYS if not (options.skip_slow and way.rounds == 1)]
    rows = compare("benchmarks.month", ways, ["--size", options.size], options.rounds)
    digests = {row["digest"] for row in rows if "digest" in row}
    title = f"A month of a {options.size}: {VillageMonth.objects.count()} villages, {machine()}"
    print(report(title, rows, "floor"))
    print("totals and ranks of all ways are equal" if len(digests) == 1 else "TOTALS OR RANKS DIFFER")
    print(json.dumps({"benchmark": f"month-{options.size}", "rows": rows, "machine": machine()}))


if __name__ == "__main__":
    main()

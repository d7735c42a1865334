"""A township of sixteen villages in an open month, with last month's figures, for the browser."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page

from assessments.deadlines import next_month
from assessments.models import Period, Return, Scheme, VillageMonth
from assessments.services.periods import open_period
from assessments.services.schemes import load_seed_scheme, seed_layout
from branches.indicators import IndicatorSource, Reading
from branches.models import Unit, Village, VillageClass
from tests.conftest import BEGINNING, make_unit

VILLAGES = [
    "东松村",
    "西松村",
    "岭下村",
    "岭头村",
    "双井村",
    "杨坪村",
    "栗湾村",
    "青石村",
    "大塘村",
    "小塘村",
    "新田村",
    "枫树村",
    "望溪村",
    "桥头村",
    "茶园村",
    "古井村",
]
KINDS = [
    "hub",
    "hub",
    "basic",
    "basic",
    "basic",
    "hollow",
    "hollow",
    "basic",
    "hub",
    "hollow",
    "hub",
    "basic",
    "hub",
    "tidal",
    "tidal",
    "hollow",
]
ENTRY = {
    "A5.n": [41, 37, 30, 28, 32, 22, 25, 33, 46, 19, 52, 31, 68, 27, 34, 18],
    "A8.n": [12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 12, 12, 12, 12, 12, 12],
    "B1": [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    "B5.d": [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 6, 6, 6],
    "B5.n": [6, 6, 6, 5, 6, 6, 6, 6, 6, 5, 7, 7, 7, 6, 6, 6],
    "D2.d": [3, 2, 1, 2, 3, 1, 0, 1, 4, 1, 1, 1, 2, 2, 1, 0],
    "D2.n": [3, 2, 1, 2, 3, 1, 0, 1, 4, 1, 1, 1, 2, 2, 1, 0],
    "D3.d": [9, 7, 4, 6, 5, 2, 3, 9, 8, 3, 9, 4, 11, 5, 5, 2],
    "D3.n": [9, 7, 4, 6, 5, 2, 3, 9, 8, 3, 9, 4, 11, 5, 5, 2],
    "D5.d": [2, 1, 2, 2, 2, 1, 1, 2, 2, 1, 1, 1, 2, 1, 1, 0],
    "D5.n": [2, 1, 2, 2, 2, 1, 1, 2, 2, 1, 1, 1, 2, 1, 1, 0],
    "E1": [92, 90, 86, 86, 88, 84, 87, 88, 93, 80, 96, 87, 97, 86, 90, 85],
    "E2.d": [5, 4, 8, 6, 4, 7, 5, 9, 3, 8, 2, 5, 2, 6, 4, 6],
    "E2.n": [5, 4, 6, 6, 4, 7, 5, 9, 3, 6, 2, 5, 2, 6, 4, 6],
    "E4": [0, 0, 2, 1, 0, 1, 0, 1, 0, 2, 0, 0, 0, 1, 0, 1],
}  # fmt: skip
"""A whole month as it would be typed, without anything to explain."""

DUES = [41, 37, 30, 28, 32, 22, 25, 35, 46, 20, 52, 31, 68, 27, 34, 18]
LAST = {
    "A5.n": DUES, "A5.d": DUES, "A8.n": [12] * 16, "A8.d": [12] * 16,
    "B1": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "B5.d": [5, 5, 5, 5, 5, 5, 5, 10, 5, 5, 5, 5, 5, 5, 5, 5],
    "B5.n": [5, 5, 5, 5, 5, 5, 5, 9, 5, 5, 5, 5, 5, 5, 5, 5],
    "D2.d": [2, 4, 1, 3, 2, 1, 1, 2, 5, 2, 1, 1, 3, 2, 1, 1],
    "D2.n": [2, 4, 1, 3, 2, 1, 1, 2, 5, 2, 1, 1, 3, 2, 1, 1],
    "D3.d": [8, 6, 2, 5, 5, 3, 2, 13, 7, 2, 8, 4, 10, 4, 5, 2],
    "D3.n": [8, 6, 2, 5, 5, 3, 2, 12, 7, 2, 8, 4, 10, 4, 5, 2],
    "D5.d": [1, 2, 1, 2, 2, 1, 0, 1, 2, 1, 1, 1, 1, 1, 1, 1],
    "D5.n": [1, 2, 1, 2, 2, 1, 0, 1, 2, 1, 1, 1, 1, 1, 1, 1],
    "E1": [91, 90, 88, 85, 88, 83, 86, 88, 92, 79, 95, 87, 96, 85, 89, 84],
    "E2.d": [6, 5, 5, 6, 5, 6, 5, 13, 4, 8, 3, 5, 2, 6, 4, 6],
    "E2.n": [6, 5, 5, 6, 5, 6, 5, 11, 4, 6, 3, 5, 2, 6, 4, 6],
    "E4": [0, 0, 0, 1, 0, 1, 0, 1, 0, 2, 0, 0, 0, 1, 0, 1],
}  # fmt: skip


ATTENDANCE = [965, 942, 910, 904, 976, 889, 925, 928, 958, 824, 982, 916, 988, 900, 937, 895]
RESERVES = [3, 3, 2, 1, 2, 2, 2, 2, 3, 2, 3, 2, 3, 1, 2, 2]


def _source(code: str, kind: str, readings: Callable[[int], Reading]) -> IndicatorSource:
    def compute(village_ids: Collection[int], _month: date) -> dict[int, Reading]:
        names = dict(Unit.objects.filter(pk__in=village_ids).values_list("pk", "name"))
        return {pk: readings(VILLAGES.index(name)) for pk, name in names.items() if name in VILLAGES}

    return IndicatorSource(code=code, label=code, unit="", higher_is_better=True, kind=kind, compute=compute)


SOURCES = (
    _source("branches.dues_members", "denominator", lambda place: Reading(Decimal(DUES[place]))),
    _source(
        "branches.party_day_attendance", "indicator", lambda place: Reading(Decimal(ATTENDANCE[place]), Decimal(1000))
    ),
    _source("cadres.reserve_cadres", "indicator", lambda place: Reading(Decimal(RESERVES[place]), note="在库")),
)
"""What the records say, so that the page looks the same whatever else the portal computes."""


def make_township(county: Unit) -> Unit:
    """松岭镇 with its sixteen villages, their cards and classes."""
    township = make_unit(Unit.objects.get(pk=county.pk), "township", "松岭镇", "990101300")
    for place, name in enumerate(VILLAGES):
        village = make_unit(Unit.objects.get(pk=township.pk), "village", name, f"990101300{200 + place}")
        Village.objects.create(unit=village, dues_member_count=DUES[place], member_count=DUES[place] + 2)
        VillageClass.objects.create(unit=village, kind=KINDS[place], band="ordinary", valid_from=BEGINNING)
    return Unit.objects.get(pk=township.pk)


def make_scheme(county: Unit) -> Scheme:
    """The scheme of the handbook, published."""
    scheme = load_seed_scheme(county, by=None, number="2026-1")
    Scheme.objects.filter(pk=scheme.pk).update(
        state="published",
        first_month="2020-01-01",
        document="青组发〔2026〕8 号",
        catalogue_number="ZZ-01",
        owner="组织科",
        snapshot=seed_layout(),
    )
    return Scheme.objects.get(pk=scheme.pk)


def make_months(county: Unit) -> Period:
    """Last month with its figures, and this one, open and due the day after tomorrow."""
    scheme = make_scheme(county)
    now = timezone.now()
    this = timezone.localdate().replace(day=1)
    for shift in (-1, 0):
        moment: datetime = now + timedelta(days=30 * shift)
        period = Period.objects.create(
            unit=county,
            path=county.path,
            month=next_month(this, shift),
            scheme=scheme,
            opens_at=moment - timedelta(days=8),
            submit_by=moment + timedelta(days=1, hours=7, minutes=10),
            review_by=moment + timedelta(days=4),
            lock_at=moment + timedelta(days=5),
            publish_by=moment + timedelta(days=8),
        )
        period = open_period(period, by=None, now=moment)
        if shift:
            _fill_last(period)
    return period


def _fill_last(period: Period) -> None:
    for row in VillageMonth.objects.filter(period=period, village__name__in=VILLAGES).select_related("village"):
        place = VILLAGES.index(row.village.name)
        row.values = {code: values[place] * 10_000 for code, values in LAST.items()}
        row.save()


def fill_month(period: Period, **changed: dict[str, int | None]) -> None:
    """This month's figures as ENTRY has them, with changes by village: `双井村={"D2.n": 5}`, None for an empty cell."""
    for row in VillageMonth.objects.filter(period=period, village__name__in=VILLAGES).select_related("village"):
        place = VILLAGES.index(row.village.name)
        numbers = {**{code: values[place] for code, values in ENTRY.items()}, **changed.get(row.village.name, {})}
        row.values.update({code: number * 10_000 for code, number in numbers.items() if number is not None})
        row.save()


def songling(period: Period) -> Return:
    return Return.objects.select_related("period", "unit").get(period=period, unit__name="松岭镇")


def row_of(period: Period, village: str) -> VillageMonth:
    return VillageMonth.objects.get(period=period, village__name=village)


def cell(page: Page, village: str, title: str) -> Any:
    """The input of a cell by what is read out: `cell(page, "双井村", "纠纷化解")`."""
    return page.locator(f'#grid-table input[aria-label^="{village} {title}"]')


def open_grid(page: Page, submission: Return, part: str = "") -> None:
    page.goto(f"/returns/{submission.pk}/{part}")
    page.wait_for_selector("#grid-table[data-ready]")


def wait_saved(page: Page) -> None:
    """Until everything typed is on the server."""
    page.wait_for_selector('[data-grid="save"].is-ok')

"""What the pages of bands show: villages by band, who moved since the year before, the sets of a county."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language

from branches.models import Unit
from branches.scoping import rows_with
from cadres.places import owners_of_ids
from collective_economy.amounts import wan_text
from collective_economy.bands import CENT, DEFAULT_BANDS, NO_DATA, Band, code_of, loaded, migration
from collective_economy.incomes import Income, credited, growth_percent, percent_of, yearly_income
from collective_economy.models import BandRules

if TYPE_CHECKING:
    from accounts.models import User

SEE = "collective_economy.view_ledgermonth"


@dataclass(frozen=True, kw_only=True)
class BandSet:
    """The bands in force in a year; `rules` is None where the county has set none."""

    bands: tuple[Band, ...]
    rules: BandRules | None


def sets_in_force(county: Unit, years: Sequence[int]) -> list[BandSet]:
    """The set of each year. One query."""
    rows = list(BandRules.objects.filter(unit=county, first_year__lte=max(years)).order_by("-first_year"))
    return [_set_of(next((row for row in rows if row.first_year <= year), None)) for year in years]


def _set_of(rules: BandRules | None) -> BandSet:
    return BandSet(bands=loaded(rules.bands) if rules else DEFAULT_BANDS, rules=rules)


def name_of(band: Band) -> str:
    """In the language of the reader."""
    is_chinese = (get_language() or "").startswith("zh")
    return band.name if is_chinese or not band.name_en else band.name_en


def range_of(bands: Sequence[Band], place: int) -> str:
    """The bounds in 万元, such as "≥ 5, < 10"."""
    lower = bands[place].lower
    upper = bands[place + 1].lower if place + 1 < len(bands) else None
    if lower == 0 and upper == CENT:
        return "0"
    above = "> 0" if lower == CENT else f"≥ {wan_text(lower)}"
    return above if upper is None else f"{above}, < {wan_text(upper)}"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A village in two years, its bands by code; NO_DATA without a ledger."""

    village: Unit
    before: Income | None
    now: Income | None
    code_before: str
    code: str

    @property
    def growth(self) -> Decimal | None:
        return growth_percent(self.now.operating if self.now else None, self.before.operating if self.before else None)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A band with its villages of the year and of the one before. `band` is None for no data."""

    code: str
    name: str
    range: str
    before: int
    now: int
    percent: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Villages that went from one band to another; `way`: 1 up, -1 down, 0 the same, None without data on a side."""

    before: str
    now: str
    count: int
    way: int | None


@dataclass(frozen=True, kw_only=True)
class BandYear:
    """A county's villages in sight, in a year and the one before."""

    year: int
    now: BandSet
    before: BandSet
    standings: list[Standing]

    @property
    def rows(self) -> list[Row]:
        """The bands of the year, and what has no data."""
        now, before = self._counts()
        known = sum(count for code, count in now.items() if code != NO_DATA)
        rows = [
            Row(
                code=band.code,
                name=name_of(band),
                range=range_of(self.now.bands, place),
                before=before[band.code],
                now=now[band.code],
                percent=percent_of(Decimal(now[band.code]), Decimal(known)),
            )
            for place, band in enumerate(self.now.bands)
        ]
        rest = Row(code=NO_DATA, name="", range="", before=before[NO_DATA], now=now[NO_DATA], percent=None)
        return [*rows, rest] if rest.before or rest.now else rows

    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        return Counter(one.code for one in self.standings), Counter(one.code_before for one in self.standings)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(code, name) of the bands of the year, no data last where some village has none."""
        return self._axis(self.now, any(one.code == NO_DATA for one in self.standings))

    @property
    def matrix(self) -> list[tuple[str, str, list[Cell], int]]:
        """For each band of the year before: code, name, the cells to the bands of the year, their sum."""
        codes = migration(
            {one.village.pk: one.code_before for one in self.standings},
            {one.village.pk: one.code for one in self.standings},
        )
        counts = {pair: len(keys) for pair, keys in codes.items()}
        rows = []
        for before, name in self._axis(self.before, any(one.code_before == NO_DATA for one in self.standings)):
            cells = [
                Cell(before=before, now=now, count=counts.get((before, now), 0), way=self._way(before, now))
                for now, _name in self.columns
            ]
            rows.append((before, name, cells, sum(cell.count for cell in cells)))
        return rows

    @property
    def column_sums(self) -> list[int]:
        now, _before = self._counts()
        return [now[code] for code, _name in self.columns]

    def _axis(self, held: BandSet, has_gaps: bool) -> list[tuple[str, str]]:
        names = [(band.code, name_of(band)) for band in held.bands]
        return [*names, (NO_DATA, "")] if has_gaps else names

    def _way(self, before: str, now: str) -> int | None:
        """By the lower bounds, as the sets of two years may differ."""
        lowers = _lowers(self.before), _lowers(self.now)
        if before not in lowers[0] or now not in lowers[1]:
            return None
        return (lowers[1][now] > lowers[0][before]) - (lowers[1][now] < lowers[0][before])

    def moved(self, way: int) -> int:
        """How many villages rose (1) or fell (-1)."""
        return sum(self._way(one.code_before, one.code) == way for one in self.standings)

    def chosen(self, before: str | None, now: str | None) -> list[Standing]:
        """Villages with these bands; None asks for any."""
        return [
            one
            for one in self.standings
            if (before is None or one.code_before == before) and (now is None or one.code == now)
        ]


def _lowers(held: BandSet) -> Mapping[str, Decimal]:
    return {band.code: band.lower for band in held.bands}


def last_day_of(year: int, today: date) -> date:
    """The day on which a year's villages are taken: its last, or today while it lasts."""
    return min(today, date(year, 12, 31))


def band_year(user: User, county: Unit, year: int, today: date) -> BandYear:
    """Villages of the county that the user sees, by band. Four queries."""
    before, now = sets_in_force(county, [year - 1, year])
    day = last_day_of(year, today)
    villages = list(rows_with(user, Unit.objects.villages().under(county.path).valid_on(day), SEE))
    incomes = incomes_of(villages, county.path, (year - 1, year), day)
    standings = []
    for village in villages:
        years = incomes.get(village.pk, {})
        was, has = years.get(year - 1), years.get(year)
        standings.append(
            Standing(
                village=village,
                before=was,
                now=has,
                code_before=code_of(was.operating if was else None, before.bands),
                code=code_of(has.operating if has else None, now.bands),
            )
        )
    return BandYear(year=year, now=now, before=before, standings=standings)


def incomes_of(villages: Sequence[Unit], path: str, years: Sequence[int], day: date) -> dict[int, dict[int, Income]]:
    """Incomes of villages that lie under the path, with what was merged into them by the day. Two queries."""
    owners = owners_of_ids([village.pk for village in villages], day)
    return credited(yearly_income(path, years), owners)


def all_sets(county: Unit) -> list[Any]:
    """The sets of a county with their bands, the latest first. One query."""
    rows = BandRules.objects.filter(unit=county).select_related("entered_by").order_by("-first_year")
    return [
        (row, [(name_of(band), range_of(bands, place)) for place, band in enumerate(bands)])
        for row in rows
        for bands in [loaded(row.bands)]
    ]

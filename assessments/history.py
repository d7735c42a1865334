"""What earlier rankings say while a month is computed: last month's ranks, and the revision being corrected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from django.db.models import TextField
from django.db.models.functions import Cast

from assessments import engine, receipts
from assessments.inputs import Batch, is_computed, stable_codes
from assessments.models import Appeal, Period, Ranking, Result
from assessments.rules import SchemeRules
from assessments.scoring import STATE_GIVEN, Column
from branches.scoping import STEP

SHOWN = (Ranking.State.PUBLISHED, Ranking.State.SUPERSEDED)


def month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


class History:
    """Rankings that a computation looks back at, read once; their results are read batch by batch."""

    def __init__(self, periods: Sequence[Period], *, is_revision: bool) -> None:
        self._paths = {period.pk: period.path for period in periods}
        self._codes = stable_codes([period.path for period in periods])
        self._latest: dict[str, Ranking] = {}
        self._first: dict[str, Ranking] = {}
        rankings = Ranking.objects.filter(
            period__month=month_before(periods[0].month), path__in=self._paths.values(), state__in=SHOWN
        )
        for ranking in rankings.order_by("revision"):
            self._first.setdefault(ranking.path, ranking)
            self._latest[ranking.path] = ranking
        self._base = self._published(periods) if is_revision else {}

    @staticmethod
    def _published(periods: Sequence[Period]) -> dict[int, Ranking]:
        return {ranking.period_id: ranking for ranking in Ranking.objects.filter(period__in=periods).published()}

    def past_rules(self, period: Period) -> str:
        """Checksum of the rules that the county was last ranked by, empty for none; a batch shares them."""
        ranking = self._latest.get(period.path)
        return ranking.rules_checksum if ranking else ""

    def previous_of(self, batch: Batch) -> tuple[engine.Previous | None, dict[str, int]]:
        """Last month of the batch's counties for the engine, and last month's totals by village code.

        One query for each batch, two where last month was corrected. The counties of a batch
        had the same rules last month (`past_rules`).
        """
        paths = [self._paths[period_id] for period_id in batch.counties]
        latest = [self._latest[path] for path in paths if path in self._latest]
        if not latest:
            return None, {}
        frozen = self._freeze(latest)
        first = [self._first[ranking.path] for ranking in latest]
        first_ranks = frozen.ranks if first == latest else self._ranks(first, frozen.groups.villages)
        previous = engine.Previous(
            groups=frozen.groups,
            columns=frozen.columns,
            adjustments=frozen.adjustments,
            first_ranks={"county": first_ranks},
            latest_ranks={"county": frozen.ranks},
        )
        return previous, frozen.totals

    def keep_what_was_computed(self, batch: Batch, columns: dict[str, Column]) -> None:
        """In a correction, computed values stay as published, apart from lines that an objection corrected."""
        for period_id in batch.counties:
            base = self._base.get(period_id)
            if base is not None:
                frozen = self._freeze([base])
                self._restore(batch, columns, frozen)
                self._apply_corrections(period_id, batch, columns)

    def published_adjustments(self, batch: Batch) -> dict[str, list[tuple[str, str, int, str]]] | None:
        """Village code -> (item, level, times, document) of the revision being corrected; None when none is.

        One query for each county that is corrected.
        """
        bases = [self._base[period_id] for period_id in batch.counties if period_id in self._base]
        if not bases:
            return None
        found: dict[str, list[tuple[str, str, int, str]]] = {}
        for base in bases:
            frozen = self._freeze([base])
            for record in frozen.adjustments:
                village = frozen.groups.villages[record.village]
                found.setdefault(village, []).append((record.item, record.level, record.count, record.document))
        return found

    @staticmethod
    def _restore(batch: Batch, columns: dict[str, Column], frozen: receipts.Frozen) -> None:
        places = {code: place for place, code in enumerate(frozen.groups.villages)}
        now, before = [], []
        for position, row in enumerate(batch.rows):
            if row.code in places:
                now.append(position)
                before.append(places[row.code])
        for rule in batch.rules.indicators:
            if not is_computed(rule):
                continue
            for code in rule.value_codes():
                columns[code].values[now] = frozen.columns[code].values[before]
                columns[code].states[now] = frozen.columns[code].states[before]

    @staticmethod
    def _apply_corrections(period_id: int, batch: Batch, columns: dict[str, Column]) -> None:
        positions = {row.village_id: position for position, row in enumerate(batch.rows)}
        computed = {code for rule in batch.rules.indicators if is_computed(rule) for code in rule.value_codes()}
        decided = Appeal.objects.filter(
            period=period_id, state__in=[Appeal.State.UPHELD, Appeal.State.CORRECTED]
        ).order_by("decided_at", "pk")
        for village_id, values in decided.values_list("village_id", "corrected_values"):
            for code in computed & set(values):
                columns[code].values[positions[village_id]] = values[code]
                columns[code].states[positions[village_id]] = STATE_GIVEN

    def changed_ranks(self, draft: Ranking) -> list[dict[str, Any]]:
        """Villages whose rank or total differs from the published revision. One query where there is one."""
        base = self._base.get(draft.period_id)
        if base is None:
            return []
        rows = Result.objects.filter(ranking__in=[base, draft]).order_by("path").select_related("village")
        before, after = ({row.village_id: row for row in rows if row.ranking_id == pk} for pk in (base.pk, draft.pk))
        return [
            {
                "village": village_id,
                "name": row.village.name,
                "rank": [before[village_id].county_rank, row.county_rank],
                "total": [before[village_id].total_hundredths, row.total_hundredths],
            }
            for village_id, row in after.items()
            if village_id in before
            and (before[village_id].county_rank, before[village_id].total_hundredths)
            != (row.county_rank, row.total_hundredths)
        ]

    def _freeze(self, rankings: Sequence[Ranking]) -> receipts.Frozen:
        results = (
            Result.objects.filter(ranking__in=rankings)
            .order_by("path")
            .annotate(text=Cast("lines", TextField()))
            .values_list("ranking__path", "path", "village_class", "band", "county_rank", "total_hundredths", "text")
        )
        codes = self._codes
        rows = [
            (codes[county], codes[path[:-STEP]], codes[path], village_class, band, rank, total, text)
            for county, path, village_class, band, rank, total, text in results
        ]
        return receipts.freeze(SchemeRules.from_snapshot(rankings[0].rules), rows)

    def _ranks(self, rankings: Sequence[Ranking], villages: Sequence[str]) -> engine.Ints:
        rows = Result.objects.filter(ranking__in=rankings).order_by().values_list("path", "county_rank")
        ranks = {self._codes[path]: rank or 0 for path, rank in rows}
        return np.array([ranks.get(code, 0) for code in villages], np.int64)

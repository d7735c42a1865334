"""The months of the demo county: opened, entered, submitted, reviewed, computed, published, through the services."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from assessments.models import Period, Ranking, Return, VillageMonth
from assessments.rules import CellSpec
from assessments.services.adjustments import record_adjustment
from assessments.services.closing import close_periods, lock_period
from assessments.services.periods import change_deadlines, open_period, plan_period, rules_of_month
from assessments.services.publication import publish_ranking
from assessments.services.returns import CellEdit, NotCompleteError, save_cells, submit_return
from assessments.services.review import accept_return
from branches.models import Unit
from config.demo.county import VillageFigures
from config.demo.values import VillageMonthFigures

REASONS = {
    "D2": "汛期后集中排查，宅基地纠纷受理较多",
    "D3": "本月开展入户走访，诉求集中反映",
    "D5": "县级暗访一次交办隐患较多",
    "E1": "连续阴雨，清淤未全部完成",
    "E2": "县级督查集中交办点位",
}
OTHER_REASON = "与上月相比变化较大，已与村核实"


@dataclass(frozen=True)
class Cast:
    """Who does what. `secretaries` by path of the township."""

    staff: User
    leader: User
    secretaries: Mapping[str, User]


class MonthMaker:
    """Runs months of one county one after another."""

    def __init__(self, county: Unit, cast: Cast, figures: Mapping[int, VillageFigures], rng: random.Random) -> None:
        self.county = county
        self.cast = cast
        self.figures = figures
        self.rng = rng

    def published(self, month: date) -> Ranking:
        """A finished month."""
        period = self._opened(month)
        for submission in self._returns(period):
            self._accepted(submission, period)
        lock_period(period, by=self.cast.staff, now=period.lock_at)
        self._adjustments(period)
        (draft,) = close_periods([period.pk], by=self.cast.staff, now=period.lock_at + timedelta(hours=1))
        return publish_ranking(
            draft, by=self.cast.leader, now=min(period.publish_by, period.lock_at + timedelta(days=2))
        )

    def open(self, month: date, *, left_open: Unit, now: datetime) -> Period:
        """The month being worked on: accepted everywhere but in one township, which has entered about half."""
        period = self._opened(month)
        if period.submit_by <= now:
            period = self._extended(period, now)
        for submission in self._returns(period):
            if submission.unit_id == left_open.pk:
                self._enter(submission, period, share=0.6)
            else:
                self._accepted(submission, period, now=now)
        return period

    # --- Steps ------------------------------------------------------------------------

    def _opened(self, month: date) -> Period:
        period = plan_period(self.county, month, by=self.cast.staff)
        return open_period(period, by=self.cast.staff, now=period.opens_at)

    def _extended(self, period: Period, now: datetime) -> Period:
        """Deadlines that have passed by the day of the demonstration begin again from today."""
        step = now - period.submit_by + timedelta(days=2)
        names = ("submit_by", "review_by", "lock_at", "publish_by")
        dates = {name: getattr(period, name) + step for name in names}
        return change_deadlines(
            period, dates, version=period.version, by=self.cast.staff, now=period.opens_at, reason="演示数据顺延"
        )

    def _returns(self, period: Period) -> list[Return]:
        return list(Return.objects.filter(period=period).select_related("unit", "period").order_by("path"))

    def _accepted(self, submission: Return, period: Period, now: datetime | None = None) -> None:
        secretary = self.cast.secretaries[submission.path]
        self._enter(submission, period, share=1)
        moment = now or period.submit_by - timedelta(hours=self.rng.randint(2, 60))
        self._submit(submission, secretary, moment)
        submission.refresh_from_db()
        accept_return(submission, by=self.cast.staff, now=moment + timedelta(hours=3))

    def _submit(self, submission: Return, secretary: User, moment: datetime) -> None:
        """Hands in; where a figure is unusual, its reason is given first."""
        try:
            with transaction.atomic():
                submit_return(submission, by=secretary, now=moment)
        except NotCompleteError as refused:
            stored = dict(submission.village_months.values_list("village_id", "values"))
            notes = [
                _reasoned(stored[finding.village_id].get(finding.code), finding.village_id, finding.code)
                for finding in refused.findings
                if finding.problem.asks_reason
            ]
            save_cells(submission, notes, by=secretary, now=moment)
            submit_return(submission, by=secretary, now=moment)

    def _enter(self, submission: Return, period: Period, *, share: float) -> None:
        """The township's cells, then the county's."""
        rules = rules_of_month(period)
        rows = list(VillageMonth.objects.filter(submission=submission).order_by("path"))
        tasks = self.rng.randint(5, 8)
        moment = period.opens_at + timedelta(days=self.rng.randint(1, 5), hours=2)
        moods = {row.pk: self.rng.gauss(0, 0.02) for row in rows}
        entered = rows[: round(len(rows) * share)]
        for part, by, chosen in (
            ("T", self.cast.secretaries[submission.path], entered),
            ("C", self.cast.staff, rows),
        ):
            specs = rules.cells(part)  # type: ignore[arg-type]
            edits = [edit for row in chosen for edit in self._edits(row, specs, tasks, moods[row.pk])]
            outcome = save_cells(submission, edits, by=by, now=moment)
            if outcome.problems or outcome.conflicts:
                raise ValueError(f"{submission}: {outcome.problems[:1]}{outcome.conflicts[:1]}")

    def _edits(self, row: VillageMonth, specs: tuple[CellSpec, ...], tasks: int, mood: float) -> list[CellEdit]:
        wholes = {code: value // 10_000 for code, value in row.values.items() if isinstance(value, int)}
        month = VillageMonthFigures(self.figures[row.village_id], tasks, self.rng, mood)
        return [
            CellEdit(row.village_id, code, row.values.get(code), text)
            for code, text in month.cells(specs, wholes).items()
        ]

    def _adjustments(self, period: Period) -> None:
        """A few bonuses and penalties, and seldom a veto, each with its document."""
        villages = list(Unit.objects.under(self.county.path).villages().order_by("path"))
        number = self.rng.randint(20, 60)
        chosen = self.rng.sample(villages, min(len(villages), 4 + (period.month.month % 3 == 0)))
        items = [("P1", "县级"), ("P2", "县级"), ("N1", "乡镇"), ("P4", "每 10 万元"), ("V6", "")]
        for (code, level), village in zip(items, chosen, strict=False):
            record_adjustment(
                period,
                village,
                code,
                level,
                document=f"青组发〔{period.month.year}〕{number} 号",
                happened_on=period.month + timedelta(days=self.rng.randint(2, 25)),
                evidence="县委组织部认定文件" if code.startswith("V") else "",
                by=self.cast.staff,
            )
            number += 1


def _reasoned(stored: Any, village_id: int, code: str) -> CellEdit:
    """The same value again, with a reason."""
    value = stored if isinstance(stored, int) else stored[0]
    text = f"{value / 10_000:g}"
    return CellEdit(village_id, code, stored, text, note=REASONS.get(code.split(".")[0], OTHER_REASON))

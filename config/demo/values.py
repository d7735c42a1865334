"""Invented figures of a village's month: believable, and better where the village is better run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

from assessments.rules import CellSpec
from config.demo.county import VillageFigures


@dataclass
class VillageMonthFigures:
    """Draws the entered cells of one village in one month. `tasks` is what the township assigned to every village."""

    figures: VillageFigures
    tasks: int
    rng: random.Random
    mood: float

    @property
    def quality(self) -> float:
        return min(0.97, max(0.3, self.figures.quality + self.mood))

    def share(self, whole: int) -> int:
        """How many of `whole` were done."""
        return sum(self.rng.random() < self.quality for _ in range(whole))

    def few(self, most: int) -> int:
        """A small count of things that went wrong."""
        return sum(self.rng.random() > self.quality for _ in range(most))

    def cells(self, specs: tuple[CellSpec, ...], wholes: dict[str, int]) -> dict[str, str]:
        """Cell code -> typed text. `wholes` are the denominators that stand there already."""
        due = {spec.indicator: self._whole(spec.indicator) for spec in specs if spec.code.endswith(".d")}
        due |= {code.removesuffix(".d"): whole for code, whole in wholes.items() if code.endswith(".d")}
        return {spec.code: self._text(spec, due) for spec in specs if spec.code not in wholes}

    def _text(self, spec: CellSpec, due: dict[str, int]) -> str:
        if spec.code.endswith(".d"):
            return str(due[spec.indicator])
        if spec.code.endswith(".n"):
            return str(self._part(spec.indicator, due[spec.indicator]))
        return self._single(spec)

    def _whole(self, indicator: str) -> int:
        size = max(1, self.figures.population // 600)
        return {
            "A5": self.figures.members,
            "A8": 12,
            "B5": self.tasks,
            "D2": self.rng.randint(0, size + 1),
            "D3": self.rng.randint(size, 3 * size),
            "D5": self.rng.randint(0, size),
            "E2": self.rng.randint(2, 7),
        }.get(indicator, self.rng.randint(1, 6))

    def _part(self, indicator: str, whole: int) -> int:
        if indicator in {"A5", "A8"}:
            return whole - (self.few(2) if self.rng.random() > self.quality - 0.25 else 0)
        return self.share(whole)

    def _single(self, spec: CellSpec) -> str:
        if spec.kind == "score":
            return str(max(55, min(99, round(62 + 36 * self.quality + self.rng.gauss(0, 2.5)))))
        if spec.kind == "percent":
            return str(Decimal(round(700 + 290 * self.quality - self.rng.random() * 30)) / 10)
        return str(self.few(2))

"""The invented county 青禾县 with its townships and villages, and the figures of any county's villages."""

from __future__ import annotations

import random
from dataclasses import dataclass

from branches.models import Unit, VillageClass

TOWNSHIPS: dict[str, int] = {
    "城关镇": 18,
    "松岭镇": 16,
    "柳湾镇": 17,
    "云坪镇": 16,
    "白鹭镇": 18,
    "竹园镇": 15,
    "枫林镇": 16,
    "清泉镇": 15,
    "石桥乡": 14,
    "梅坞乡": 14,
    "沙洲乡": 14,
    "高岭乡": 13,
}
SONGLING = [
    "东松",
    "西松",
    "岭下",
    "岭头",
    "双井",
    "杨坪",
    "栗湾",
    "青石",
    "大塘",
    "小塘",
    "新田",
    "枫树",
    "望溪",
    "桥头",
    "茶园",
    "古井",
]
HEADS = [
    "上",
    "下",
    "东",
    "西",
    "南",
    "北",
    "大",
    "小",
    "新",
    "老",
    "前",
    "后",
    "中",
    "双",
    "金",
    "银",
    "石",
    "白",
    "青",
    "黄",
]
TAILS = [
    "坝",
    "桥",
    "坪",
    "湾",
    "岗",
    "沟",
    "塘",
    "井",
    "畈",
    "冲",
    "店",
    "寨",
    "湖",
    "渡",
    "洼",
    "堰",
    "园",
    "山",
    "庙",
    "河",
]
KINDS = tuple(VillageClass.Kind)
BANDS = tuple(VillageClass.Band)


@dataclass(frozen=True)
class VillageFigures:
    """What is invented for a village: its size, its class, and how well it is run (0 to 1); months vary around it."""

    population: int
    households: int
    members: int
    kind: str
    band: str
    quality: float


def village_names(rng: random.Random) -> dict[str, list[str]]:
    """Township -> names of its villages; a name occurs once in a township, at times twice in the county."""
    result: dict[str, list[str]] = {}
    for township, count in TOWNSHIPS.items():
        if township == "松岭镇":
            result[township] = [f"{name}村" for name in SONGLING]
            continue
        pool = [f"{head}{tail}村" for head in HEADS for tail in TAILS]
        result[township] = rng.sample(pool, count)
    return result


def division_rows(rng: random.Random) -> list[tuple[str, str, str]]:
    """The county as (code, level, name), as load_divisions reads it. Codes begin with 99, which no province has."""
    rows = [("99", "province", "示范省"), ("9901", "city", "示范市"), ("990101", "county", "青禾县")]
    for number, (township, villages) in enumerate(village_names(rng).items(), start=100):
        code = f"990101{number}"
        rows.append((code, "township", township))
        rows += [(f"{code}{place}", "village", name) for place, name in enumerate(villages, start=200)]
    return rows


def invent_figures(villages: list[Unit], rng: random.Random) -> dict[int, VillageFigures]:
    """Unit id -> figures; larger villages are a little more often hubs, poorer ones a little more often hollow."""
    figures: dict[int, VillageFigures] = {}
    for village in villages:
        population = max(320, int(rng.gauss(1700, 650)))
        quality = min(0.95, max(0.35, rng.gauss(0.75, 0.12)))
        weights = (population / 900, 2, 4, 2600 / population)
        band = min(len(BANDS) - 1, max(0, int(rng.gauss(2.4 + 3 * (quality - 0.72), 1.2))))
        figures[village.pk] = VillageFigures(
            population=population,
            households=population * 10 // rng.randint(31, 42),
            members=max(14, int(population * rng.uniform(0.018, 0.034))),
            kind=str(rng.choices(KINDS, weights)[0]),
            band=str(BANDS[band]),
            quality=quality,
        )
    return figures

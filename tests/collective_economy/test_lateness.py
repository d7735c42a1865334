"""What of a project is late on a day and why: a table of cases. Rule: docs/rules/projects.md, "Late"."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from collective_economy.lateness import Course, Due, percent_of, reasons

DAY = date(2026, 6, 15)
BASE = Course(stage="pay", pooled_on=date(2026, 1, 5))
D = Decimal
DUE = Due("设备安装", date(2026, 6, 3))
INSTALMENT = Due("完成工程量60%", date(2026, 6, 10), D(200_000))
OWN = Due("集体自筹", date(2026, 5, 13), D(45_000))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        # the pool
        ({"stage": "pool", "pooled_on": date(2023, 9, 14)}, []),
        (
            {"stage": "pool", "pooled_on": date(2023, 9, 13)},
            [("pool", False, "未使用，将于 2026-09-13 出库，还有 90 天")],
        ),
        (
            {"stage": "pool", "pooled_on": date(2023, 6, 15)},
            [("pool", False, "未使用，将于 2026-06-15 出库，还有 0 天")],
        ),
        ({"stage": "pool", "pooled_on": date(2023, 6, 14)}, [("pool", True, "入库满三年未使用（2026-06-14），应出库")]),
        ({"stage": "apply", "pooled_on": date(2020, 1, 1)}, []),
        # the start
        ({"stage": "implement", "released_on": date(2026, 3, 17)}, []),
        (
            {"stage": "implement", "released_on": date(2026, 3, 16)},
            [("start", True, "应于 2026-06-14 前开工，已逾期 1 天")],
        ),
        ({"stage": "implement", "released_on": date(2026, 3, 1), "started_on": date(2026, 6, 1)}, []),
        ({"stage": "approve", "released_on": date(2026, 1, 1)}, []),
        # the finish
        ({"finish_on": date(2026, 6, 15)}, []),
        ({"finish_on": date(2026, 6, 5)}, [("finish", True, "超过计划完工日期（2026-06-05）10 天未验收")]),
        ({"stage": "accept", "finish_on": date(2026, 6, 5), "accepted_on": date(2026, 6, 9)}, []),
        ({"stage": "operate", "finish_on": date(2026, 6, 5)}, []),
        # milestones: the longest overdue
        (
            {"milestones": [Due("新", date(2026, 6, 14)), DUE]},
            [("milestone", True, "节点“设备安装”（2026-06-03）逾期 12 天")],
        ),
        ({"milestones": [Due("新", date(2026, 6, 15))]}, []),
        ({"stage": "operate", "milestones": [DUE]}, []),
        # money to come
        (
            {"instalments": [INSTALMENT]},
            [("instalment", True, "拨付批次“完成工程量60%”20.00 万元应于 2026-06-10 拨付，已逾期 5 天")],
        ),
        ({"stage": "review", "instalments": [INSTALMENT]}, []),
        ({"own_money": [OWN]}, [("own_money", True, "集体自筹 4.50 万元应于 2026-05-13 前到位，已逾期 33 天")]),
        ({"stage": "stopped", "own_money": [OWN]}, []),
        # spending against time
        ({"start_on": date(2026, 6, 6), "finish_on": date(2026, 6, 25), "total": D(100), "paid": D(41)}, []),
        (
            {"start_on": date(2026, 6, 6), "finish_on": date(2026, 6, 25), "total": D(100), "paid": D(40)},
            [("lag", False, "支出进度 40.0%，低于序时进度 10.0 个百分点")],
        ),
        ({"start_on": date(2026, 6, 6), "finish_on": date(2026, 6, 25), "total": D(0)}, []),
        ({"finish_on": date(2026, 6, 25), "total": D(100)}, []),
        # several: the worst first, what is only slow last
        (
            {
                "start_on": date(2026, 6, 6),
                "finish_on": date(2026, 6, 25),
                "total": D(100),
                "milestones": [DUE],
                "own_money": [OWN],
            },
            [
                ("own_money", True, "集体自筹 4.50 万元应于 2026-05-13 前到位，已逾期 33 天"),
                ("milestone", True, "节点“设备安装”（2026-06-03）逾期 12 天"),
                ("lag", False, "支出进度 0.0%，低于序时进度 50.0 个百分点"),
            ],
        ),
    ],
)
def test_what_is_late_and_why(changed: dict[str, Any], expected: list[tuple[str, bool, str]]) -> None:
    found = reasons(replace(BASE, **changed), DAY)
    assert [(reason.code, reason.is_late, reason.words) for reason in found] == expected


def test_a_share_of_nothing_is_0() -> None:
    assert (percent_of(D(1), D(3)), percent_of(D(1), D(0))) == (D("33.3"), D("0.0"))

"""Large rosters go through in portions: however small they are, the same is seen, written, told and taken back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from accounts.models import AuditEvent, User
from cadres import matching
from imports import checking, preview, reading, tables, writing
from imports.models import ImportBatch, ImportChange, ImportRow
from tests.imports.rosters import applied, bring_rows, everything_stored, undone

PLACES = ["东一村", "东二村", "东三村"]
CADRES = [
    ["乡镇", "村", "姓名", "出生年月", "身份证号", "党内职务", "行政职务", "备注"],
    *(["东乡", PLACES[at % 3], f"甲{at}", f"{1960 + at}.0{1 + at % 9}", "", "委员", "文书", "同"] for at in range(9)),
    ["东乡", "东一村", "乙", "1975.03", "", "", "主任", ""],
    ["", "", "丙", "1976.03", "", "", "主任", "错行：职务重复"],
    ["东乡", "无此村", "丁", "1977.03", "", "", "委员", ""],
]
RESERVE = [
    ["乡镇", "村", "姓名", "出生年月", "入库时间"],
    *(["东乡", PLACES[at % 3], f"戊{at}", f"{1990 + at}.05", "2024.03"] for at in range(7)),
]
TRAINING = [
    ["乡镇", "村", "姓名", "培训名称", "培训时间", "学时"],
    *(["东乡", PLACES[at % 3], f"己{at}", f"党课{at % 2}", "2025.03.01", "4"] for at in range(7)),
]
OF_ITS_OWN = {"id", "uid", "identity_number"}


def made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PORTION", 2)
    monkeypatch.setattr(preview, "PORTION", 2)
    monkeypatch.setattr(matching, "BATCH", 2)
    for module in (checking, tables):
        monkeypatch.setattr(module, "TEXTS_KEPT", 1)
    monkeypatch.setattr(reading, "REPEATED", 1)


def plain(stored: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[str]]:
    """What stands in each table, without keys."""
    return {
        label: Counter(
            str({name: value for name, value in row.items() if name not in OF_ITS_OWN and not name.endswith("_id")})
            for row in rows
        )
        for label, rows in stored.items()
    }


def seen(batch: ImportBatch) -> list[tuple[Any, ...]]:
    return list(
        ImportRow.objects.filter(batch=batch)
        .order_by("position")
        .values_list("position", "number", "outcome", "has_warnings", "cells", "problems", "differences", "result")
    )


def written(batch: ImportBatch) -> Counter[Any]:
    changes = ImportChange.objects.filter(batch=batch)
    return Counter(changes.values_list("row__position", "model", "version_after"))


def told() -> Counter[str]:
    return Counter(AuditEvent.objects.exclude(event__contains="importbatch").values_list("event", flat=True))


@pytest.mark.parametrize(("sheet", "rows"), [("cadres", CADRES), ("reserve_cadres", RESERVE), ("training", TRAINING)])
def test_small_portions_do_the_same_as_one(
    tmp_path: Path, county_admin: User, monkeypatch: pytest.MonkeyPatch, sheet: str, rows: list[list[object]]
) -> None:
    before = everything_stored()
    whole = applied(bring_rows(tmp_path, sheet, rows, county_admin), county_admin)
    stored, events = plain(everything_stored()), told()
    shown, kept = seen(whole), written(whole)
    undone(whole, county_admin)
    assert everything_stored() == before
    earlier = told()
    made_small(monkeypatch)
    parts = applied(bring_rows(tmp_path, sheet, rows, county_admin), county_admin)
    assert (parts.answer, parts.fingerprint) == (whole.answer, whole.fingerprint)
    assert seen(parts) == shown
    assert written(parts) == kept
    assert plain(everything_stored()) == stored
    assert told() - earlier == events
    again = bring_rows(tmp_path, sheet, rows, county_admin)
    assert (again.answer["new"], again.answer["changed"]) == (0, 0)
    undone(parts, county_admin)
    assert everything_stored() == before


def test_changes_and_what_is_new_in_small_portions(
    tmp_path: Path, county_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(bring_rows(tmp_path, "cadres", CADRES[:6], county_admin), county_admin)
    before = everything_stored()
    made_small(monkeypatch)
    rows = [CADRES[0], *([*row[:6], "主任" if at == 1 else row[6], "新的备注"] for at, row in enumerate(CADRES[1:10]))]
    batch = applied(bring_rows(tmp_path, "cadres", rows, county_admin), county_admin)
    assert (batch.answer["changed"], batch.answer["new"]) == (5, 4)
    assert ImportChange.objects.filter(batch=batch, model="cadres.person", before__isnull=False).count() == 5
    undone(batch, county_admin)
    assert everything_stored() == before

"""Bands of yearly operating income: the arithmetic, and the sets a county keeps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, User
from branches.models import Unit
from collective_economy.bands import (
    CENT,
    DEFAULT_BANDS,
    NO_DATA,
    Band,
    band_of,
    code_of,
    loaded,
    migration,
    problem_of,
    stored,
)
from collective_economy.models import BandRules
from collective_economy.services.bands import set_bands

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("wan", "code"),
    [
        ("-1", "none"),
        ("0", "none"),
        ("0.000001", "shell"),
        ("4.999999", "shell"),
        ("5", "weak"),
        ("9.999999", "weak"),
        ("10", "ordinary"),
        ("19.999999", "ordinary"),
        ("20", "good"),
        ("49.999999", "good"),
        ("50", "strong"),
        ("99.999999", "strong"),
        ("100", "very_strong"),
        ("4035", "very_strong"),
    ],
)
def test_a_bound_belongs_to_the_band_above_it(wan: str, code: str) -> None:
    assert band_of(Decimal(wan) * 10_000, DEFAULT_BANDS).code == code


def test_no_ledger_is_no_band_and_zero_is_one() -> None:
    assert code_of(None, DEFAULT_BANDS) == NO_DATA
    assert code_of(Decimal(0), DEFAULT_BANDS) == "none"


def bands(*lowers: str, codes: str = "abcdefgh", name: str = "档") -> list[Band]:
    return [Band(code, name, "", Decimal(lower)) for code, lower in zip(codes, lowers, strict=False)]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (list(DEFAULT_BANDS), None),
        (bands("0", "1"), None),
        (bands("0"), "too_few"),
        (bands(), "too_few"),
        (bands("0", "1", name=" "), "no_name"),
        (bands("0", "1", codes="a "), "no_name"),
        (bands("0", "1", codes="aa"), "same_code"),
        (bands("1", "2"), "not_from_0"),
        (bands("-1", "2"), "not_from_0"),
        (bands("0", "0.005"), "not_cents"),
        (bands("0", "0"), "not_rising"),
        (bands("0", "5", "5"), "not_rising"),
        (bands("0", "5", "4"), "not_rising"),
    ],
)
def test_a_set_rises_from_zero_with_a_code_for_each_band(rows: list[Band], problem: str | None) -> None:
    assert problem_of(rows) == problem


def test_a_set_comes_back_as_it_was_kept() -> None:
    assert loaded(stored(DEFAULT_BANDS)) == DEFAULT_BANDS
    assert stored(DEFAULT_BANDS)[1]["lower"] == str(CENT)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ({}, {}, {}),
        ({1: "weak"}, {1: "weak"}, {("weak", "weak"): [1]}),
        ({1: "weak", 2: "weak"}, {1: "good", 2: "weak"}, {("weak", "good"): [1], ("weak", "weak"): [2]}),
        ({1: "weak"}, {}, {("weak", NO_DATA): [1]}),
        ({}, {1: "weak"}, {(NO_DATA, "weak"): [1]}),
        ({3: NO_DATA, 1: "weak"}, {1: "weak", 3: "none"}, {(NO_DATA, "none"): [3], ("weak", "weak"): [1]}),
    ],
)
def test_every_village_stands_in_one_cell(before: dict, after: dict, moved: dict) -> None:
    assert migration(before, after) == moved


# --- The sets a county keeps ----------------------------------------------------------------


def test_a_set_is_kept_as_entered_with_an_event(county: Unit, county_admin: User) -> None:
    row = set_bands(county, 2026, DEFAULT_BANDS, " 青组〔2026〕3号 ", by=county_admin, today=TODAY)
    row.refresh_from_db()
    assert loaded(row.bands) == DEFAULT_BANDS
    assert (row.unit_id, row.path, row.first_year, row.document) == (county.pk, county.path, 2026, "青组〔2026〕3号")
    event = AuditEvent.objects.get(event="collective_economy.save_bandrules")
    assert event.changes["bands"] == [None, stored(DEFAULT_BANDS)]


@pytest.mark.parametrize(
    ("first_year", "rows", "document", "code", "words"),
    [
        (1999, DEFAULT_BANDS, "文", "wrong_year", "请选择 2000 至 2100 之间的年度。"),
        (2026, DEFAULT_BANDS, "  ", "no_document", "请填写依据文号。"),
        (2026, bands("0"), "文", "wrong_bands", "请至少填写两个档次。"),
        (2026, bands("0", "5", "4"), "文", "wrong_bands", "每个档次的下限要高于前一档。"),
        (2026, bands("1", "5"), "文", "wrong_bands", "第一档从 0 开始。"),
        (2026, bands("0", "5", name="档" * 31), "文", "wrong_bands", "档次名称最多 30 个字。"),
        (2026, bands(*map(str, range(13)), codes="abcdefghijklm"), "文", "wrong_bands", "最多填写 12 个档次。"),
    ],
)
def test_a_wrong_set_is_refused(
    county: Unit, county_admin: User, first_year: int, rows: list[Band], document: str, code: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        set_bands(county, first_year, rows, document, by=county_admin, today=TODAY)
    errors = refused.value.error_dict.values() if hasattr(refused.value, "error_dict") else [[refused.value]]
    assert [(one.code, one.messages) for group in errors for one in group] == [(code, [words])]
    assert not BandRules.objects.exists()


def test_years_that_have_begun_keep_their_bands(county: Unit, county_admin: User) -> None:
    set_bands(county, 2026, DEFAULT_BANDS, "文", by=county_admin, today=TODAY)
    for year in (2025, 2026):
        with pytest.raises(ValidationError, match="2026 年起已有档次") as refused:
            set_bands(county, year, bands("0", "1"), "文", by=county_admin, today=TODAY)
        assert refused.value.error_dict["first_year"][0].code == "not_later"
    set_bands(county, 2027, bands("0", "1"), "文二", by=county_admin, today=TODAY)
    set_bands(county, 2027, bands("0", "2"), "文三", by=county_admin, today=TODAY)
    kept = BandRules.objects.order_by("first_year").values_list("first_year", "document")
    assert list(kept) == [(2026, "文"), (2027, "文三")]
    assert loaded(BandRules.objects.get(first_year=2027).bands)[1].lower == 2

"""docs/data-register.md names every field of every model once, with class, purpose, retention and readers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from django.apps import apps

from accounts.audit import HIDDEN

REGISTER = Path(__file__).resolve().parents[2] / "docs" / "data-register.md"
APPS = ("accounts", "imports", "branches", "cadres", "assessments", "collective_economy")
CLASSES = {"D0", "D1", "D2", "D3", "D4"}


def rows() -> list[list[str]]:
    """Cells of the table rows that name a model."""
    lines = REGISTER.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0].split(".")[0] in APPS]


def registered() -> Counter[str]:
    return Counter(f"{row[0]}.{field.strip()}" for row in rows() for field in row[1].split(","))


def in_models() -> set[str]:
    models = [model for app in APPS for model in apps.get_app_config(app).get_models(include_auto_created=True)]
    return {
        f"{model._meta.label}.{field.name}"
        for model in models
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many)
        if not field.primary_key or not field.auto_created
    }


def test_every_field_has_an_entry() -> None:
    missing = sorted(in_models() - registered().keys())
    assert missing == [], "add these to docs/data-register.md: field, class, purpose, retention, readers"


def test_no_entry_is_left_over_or_twice() -> None:
    assert sorted(registered().keys() - in_models()) == []
    assert [name for name, count in registered().items() if count > 1] == []


def test_entries_are_complete() -> None:
    for row in rows():
        assert len(row) == 6, row
        assert row[2] in CLASSES, row
        assert all(row), row


def test_secrets_are_read_by_nobody() -> None:
    secret = [row for row in rows() if row[2] == "D4"]
    assert secret
    assert {row[5] for row in secret} == {"system"}


def test_hidden_word_is_the_one_the_register_tells() -> None:
    assert f"only told as {HIDDEN}" in REGISTER.read_text(encoding="utf-8")

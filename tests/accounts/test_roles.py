"""The matrix: what each role may, what nobody may, and that its page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.management.commands import document_roles
from accounts.roles import (
    KINDS_OF_UNIT,
    MATRIX,
    SEPARATED_ROLES,
    Role,
    all_permissions,
    exclude_each_other,
    permissions_of,
    roles_with,
)


def test_page_shows_the_matrix() -> None:
    call_command("document_roles", check=True)


def test_page_that_is_old_is_told_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "roles.md"
    page.write_text(f"before\n{document_roles.BEGIN}\nstale page\n{document_roles.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(document_roles, "PAGE", page)
    with pytest.raises(CommandError, match="document_roles"):
        call_command("document_roles", check=True)
    assert "stale page" in page.read_text(encoding="utf-8")
    call_command("document_roles")
    text = page.read_text(encoding="utf-8")
    assert "stale page" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    call_command("document_roles", check=True)


def test_every_permission_names_an_app_of_ours() -> None:
    ours = {"accounts", "imports", "branches", "cadres", "assessments", "collective_economy"}
    assert {permission.split(".")[0] for permission in all_permissions()} <= ours
    assert all(apps.is_installed(name) for name in ours)


def test_nobody_removes_for_good() -> None:
    assert [permission for permission in all_permissions() if permission.split(".")[1].startswith("delete_")] == []


def test_codes_are_told_once() -> None:
    codes = [row.code for row in MATRIX]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("permission", sorted(all_permissions()))
def test_both_questions_have_one_answer(permission: str) -> None:
    assert roles_with(permission) == {role for role in Role if permission in permissions_of(role)}


def test_administrator_sees_no_business_data() -> None:
    """Names of units are needed to say where a role is given; nothing else of villages is open."""
    business = {p for p in permissions_of(Role.SA) if not p.startswith("accounts.")}
    assert business == {
        "branches.view_unit",
        "branches.view_membership",
        "branches.add_membership",
        "branches.change_membership",
    }


def test_auditor_changes_nothing() -> None:
    assert permissions_of(Role.AU) == {
        "accounts.view_auditevent",
        "accounts.verify_auditevent",
        "accounts.export_auditevent",
        "branches.view_unit",
    }


@pytest.mark.parametrize(
    ("maker", "checker"),
    [
        ("branches.add_membership", "branches.confirm_membership"),
        ("assessments.submit_return", "assessments.review_return"),
        ("assessments.close_period", "assessments.publish_ranking"),
        ("imports.ask_numbers", "imports.approve_exportfile"),
    ],
)
def test_maker_is_not_checker(maker: str, checker: str) -> None:
    assert roles_with(maker)
    assert roles_with(checker)
    assert not roles_with(maker) & roles_with(checker)


CHECKING = {"collective_economy.close_ledgermonth", "collective_economy.close_auditfinding"}
"""Closing what others entered is a check, which a leader makes too."""


def test_leader_enters_nothing_and_inspector_writes_nothing() -> None:
    verbs = ("enter_", "submit_", "add_", "change_", "close_")
    for role in (Role.CL, Role.RI):
        writing = {p for p in permissions_of(role) if p.split(".")[1].startswith(verbs)}
        assert writing == (CHECKING if role == Role.CL else set()), role


def test_separation() -> None:
    assert {Role.SA, Role.AU} == SEPARATED_ROLES
    assert exclude_each_other(Role.SA, Role.AU)
    assert exclude_each_other(Role.CS, Role.AU)
    assert not exclude_each_other(Role.CS, Role.TS)
    assert not exclude_each_other(Role.SA, Role.SA)
    assert set(KINDS_OF_UNIT) == set(Role)

"""Promises about the project as a whole, kept by looking at its files."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = {
    ".py",
    ".html",
    ".txt",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".sh",
    ".conf",
    ".js",
    ".css",
    ".po",
    ".lock",
    ".csv",
    "",
}
VENDORED = ("static/vendor/", "static/icons/")
APPS = ("accounts", "imports", "branches", "cadres", "assessments", "collective_economy", "config")

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE = re.compile(r"(?<![\w.])/(" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me")) + r")/[\w.]")
REGISTRY = re.compile(
    "|".join(("py" + r"pi\.", "files\\.python" + "hosted", "registry\\.npm" + "js", "extra-index" + "-url"))
)
SAFE_PLACES_FOR_ALL_EXCEPTIONS = {("accounts/jobs.py", "_attempt"), ("accounts/ticking.py", "tick")}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    names = [name for name in listed if name] or [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts
    ]
    return [ROOT / name for name in names if not name.startswith(VENDORED)]


def lines_of_ours() -> Iterator[tuple[str, str]]:
    """(where, line) of every text file that is ours."""
    for path in tracked():
        if path.suffix not in TEXT or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.mark.parametrize("pattern", [UNFINISHED, MACHINE, REGISTRY], ids=["unfinished", "machine", "registry"])
def test_no_line_is_unfinished_or_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    assert [f"{where}: {line.strip()[:100]}" for where, line in lines_of_ours() if pattern.search(line)] == []


def python_files(*folders: str) -> Iterator[Path]:
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix == ".py" and path.is_file() and parts[0] in folders and "migrations" not in parts:
            yield path


def test_all_exceptions_are_caught_only_where_a_failure_is_recorded() -> None:
    found = set()
    for path in python_files(*APPS):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                is_bare = isinstance(node, ast.ExceptHandler) and (
                    node.type is None
                    or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
                )
                if is_bare:
                    found.add((str(path.relative_to(ROOT)), function.name))
    assert found == SAFE_PLACES_FOR_ALL_EXCEPTIONS


def test_no_data_is_marked_safe_and_no_view_is_freed_of_its_token() -> None:
    forbidden = re.compile(
        r"\b(mark_safe|SafeString)\((?![\"'])|\b(csrf_exempt|eval|exec)\(|\|safe\b|{% autoescape off|pickle"
    )
    assert [
        f"{where}: {line.strip()[:100]}"
        for where, line in lines_of_ours()
        if where.split("/")[0] in (*APPS, "templates") and forbidden.search(line)
    ] == []


def test_templates_have_no_inline_script_style_or_handler_and_name_no_outside_host() -> None:
    forbidden = re.compile(
        r"<script(?![^>]*\b(src|type=\"application/json\"))|<style|\sstyle=|\son[a-z]+=\"|(src|href)=\"(https?:)?//"
    )
    assert [
        f"{where}: {line.strip()[:100]}"
        for where, line in lines_of_ours()
        if where.startswith("templates/") and forbidden.search(line)
    ] == []


def commands() -> list[str]:
    return sorted(
        path.stem
        for app in APPS
        for path in (ROOT / app / "management" / "commands").glob("*.py")
        if path.stem != "__init__"
    )


@pytest.mark.parametrize("name", commands())
def test_every_management_command_is_documented_and_tested(name: str) -> None:
    word = re.compile(rf"\b{name}\b")
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    assert any(word.search(path.read_text(encoding="utf-8")) for path in documents), f"{name}: not in docs/"
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "test_meta.py"]
    assert any(word.search(path.read_text(encoding="utf-8")) for path in tests), f"{name}: not in tests/"


def test_every_setting_of_the_environment_is_documented() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    asked = set()
    for path in (*python_files("config"),):
        asked |= set(
            re.findall(r"\benv\.(?:text|flag|number|words)\(\s*\"([A-Z_]+)\"", path.read_text(encoding="utf-8"))
        )
        asked |= set(re.findall(r"_kept_secret\(\"([A-Z_]+)\"", path.read_text(encoding="utf-8")))
    assert asked
    assert {name for name in asked if not re.search(rf"`{name}`", text)} == set()

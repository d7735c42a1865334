"""The Chinese catalogue: put together from locale/parts, compiled without any outside tool, checked for gaps.

Each part is a .po file with the translations of one area of the portal. `merged` joins
them; `untranslated` compares them with the texts that the sources mark for translation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import django
import polib
from django.utils.translation.template import templatize

Key = tuple[str, str]
"""(context or empty, English text) of a message."""

ROOT = Path(__file__).resolve().parents[1]
PARTS = ROOT / "locale" / "parts"
CATALOGUES = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES"
DOMAINS = {"django": ".po", "djangojs": ".js.po"}
"""Catalogues and the endings of their parts; the second holds what scripts of Django's admin say."""
APPS = ("accounts", "assessments", "branches", "cadres", "collective_economy", "config", "imports")
SOURCE_FOLDERS = (*APPS, "templates")
HEADER = {
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Plural-Forms": "nplurals=1; plural=0;",
}

_PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}
_TEMPLATE_CALL = re.compile(r"\b((?:n?p?)gettext|_)\(((?:u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")\s*,?\s*)+)")


# --- Putting together ---------------------------------------------------------------------


def write_catalogues() -> list[str]:
    """Brings both catalogues and their compiled form up to date; what is wrong with their parts comes back."""
    problems = []
    for domain in DOMAINS:
        catalogue, found = merged(domain=domain)
        _write(CATALOGUES / f"{domain}.po", (str(catalogue) + "\n").encode())
        problems += found
    compile_catalogues()
    return problems


def compile_catalogues() -> None:
    """Only the compiled form, which is not under version control: what a start needs."""
    for domain in DOMAINS:
        _write(CATALOGUES / f"{domain}.mo", merged(domain=domain)[0].to_binary())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def merged(parts: Path | None = None, domain: str = "django") -> tuple[polib.POFile, list[str]]:
    """All parts of a domain as one catalogue in a fixed order, and what is wrong with them.

    Wrong is an entry that is fuzzy or empty, which is left out, and a text with two
    translations, of which the first stands. OSError: a part that is not a catalogue.
    """
    entries: dict[Key, polib.POEntry] = {}
    origin: dict[Key, str] = {}
    problems: list[str] = []
    for path in sorted((parts or PARTS).glob("*.po")):
        if path.name.endswith(DOMAINS["djangojs"]) != (domain == "djangojs"):
            continue
        for entry in polib.pofile(str(path), encoding="utf-8"):
            key = _key(entry)
            if entry.fuzzy or not _translation(entry):
                problems.append(f"{path.name}: “{entry.msgid}” is fuzzy or has no translation.")
                continue
            known = entries.setdefault(key, entry)
            origin.setdefault(key, path.name)
            if _translation(known) != _translation(entry):
                words = f"“{_translation(known)}” in {origin[key]} and “{_translation(entry)}” in {path.name}"
                problems.append(f"“{entry.msgid}” is {words}.")
    return _catalogue(entries), problems


def _catalogue(entries: dict[Key, polib.POEntry]) -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = dict(HEADER)
    for key in sorted(entries):
        entry = entries[key]
        catalogue.append(
            polib.POEntry(
                msgctxt=entry.msgctxt,
                msgid=entry.msgid,
                msgid_plural=entry.msgid_plural,
                msgstr=entry.msgstr,
                msgstr_plural=entry.msgstr_plural,
                flags=_flags(entry),
            )
        )
    return catalogue


def _key(entry: polib.POEntry) -> Key:
    return entry.msgctxt or "", entry.msgid


def _translation(entry: polib.POEntry) -> str:
    return entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr


def _flags(entry: polib.POEntry) -> list[str]:
    return ["python-format"] if re.search(r"%\(\w+\)[sd]", entry.msgid) else []


# --- Checking -----------------------------------------------------------------------------


def untranslated(catalogue: polib.POFile) -> list[tuple[Key, str]]:
    """Texts of the sources that neither the catalogue nor Django's own has, each with the file it stands in."""
    known = {_key(entry) for entry in catalogue} | _djangos_own()
    gaps: dict[Key, str] = {}
    for path in source_files():
        for key in texts_of(path):
            if key not in known:
                gaps.setdefault(key, str(path.relative_to(ROOT)))
    return sorted(gaps.items(), key=lambda gap: (gap[1], gap[0]))


def broken_placeholders(catalogue: polib.POFile) -> list[str]:
    """Texts whose translation lacks or invents a %(name)s."""
    return [
        entry.msgid
        for entry in catalogue
        if _placeholders(_translation(entry)) != _placeholders(entry.msgid_plural or entry.msgid)
    ]


def source_files() -> Iterator[Path]:
    for folder in SOURCE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".html", ".txt"} and "migrations" not in path.parts:
                yield path


def texts_of(path: Path) -> set[Key]:
    """(context, text) of everything a file marks for translation."""
    text = path.read_text(encoding="utf-8")
    return set(_texts_of_python(text) if path.suffix == ".py" else _texts_of_template(text))


def _texts_of_python(text: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        wanted = 1 if name in _PLAIN else 2 if name in _CONTEXT else 0
        strings = [_constant(argument) for argument in node.args[:wanted]]
        if wanted and len(strings) == wanted and all(string is not None for string in strings):
            yield ("", str(strings[0])) if wanted == 1 else (str(strings[0]), str(strings[1]))


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _texts_of_template(text: str) -> Iterator[Key]:
    for name, arguments in _TEMPLATE_CALL.findall(templatize(text)):
        strings = ast.literal_eval(f"({arguments.rstrip().rstrip(',')},)")
        yield (strings[0], strings[1]) if "p" in name and len(strings) > 1 else ("", strings[0])


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|\{\w*\}", text))


def _djangos_own() -> set[Key]:
    folder = Path(django.__file__).parent
    files: Iterable[Path] = folder.glob("**/locale/zh_Hans/LC_MESSAGES/django.mo")
    return {_key(entry) for path in files for entry in polib.mofile(str(path)) if _translation(entry)}

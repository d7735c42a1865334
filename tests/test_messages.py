"""The Chinese catalogue is put together, compiled and checked without outside tools."""

from __future__ import annotations

import gettext
from io import StringIO
from pathlib import Path

import polib
import pytest
from django.core.management import CommandError, call_command

from config import messages

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def part(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.po").write_text(HEAD + text, encoding="utf-8")


def test_parts_become_one_catalogue_with_contexts_and_plurals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part(tmp_path, "b", 'msgid "Save"\nmsgstr "保存"\n')
    part(
        tmp_path,
        "a",
        'msgctxt "month"\nmsgid "Open"\nmsgstr "开放"\n\n'
        'msgid "%(n)s village"\nmsgid_plural "%(n)s villages"\nmsgstr[0] "%(n)s 个村"\n',
    )
    catalogues = tmp_path / "zh_Hans"
    monkeypatch.setattr(messages, "PARTS", tmp_path)
    monkeypatch.setattr(messages, "CATALOGUES", catalogues)
    messages.compile_catalogues()
    assert sorted(path.name for path in catalogues.iterdir()) == ["django.mo", "djangojs.mo"]
    assert messages.write_catalogues() == []
    with (catalogues / "django.mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)
    assert catalogue.gettext("Save") == "保存"
    assert catalogue.pgettext("month", "Open") == "开放"
    assert catalogue.ngettext("%(n)s village", "%(n)s villages", 5) == "%(n)s 个村"
    assert [entry.msgid for entry in polib.pofile(str(catalogues / "django.po"))] == ["%(n)s village", "Save", "Open"]


def test_texts_of_scripts_go_into_a_catalogue_of_their_own(tmp_path: Path) -> None:
    part(tmp_path, "a", 'msgid "Remove"\nmsgstr "删除"\n')
    part(tmp_path, "a.js", 'msgid "Remove"\nmsgstr "移除"\n')
    for domain, word in (("django", "删除"), ("djangojs", "移除")):
        catalogue, problems = messages.merged(tmp_path, domain)
        assert [entry.msgstr for entry in catalogue] == [word]
        assert problems == []


def test_the_same_translation_twice_is_one_and_two_different_ones_are_told(tmp_path: Path) -> None:
    part(tmp_path, "a", 'msgid "Save"\nmsgstr "保存"\n')
    part(tmp_path, "b", 'msgid "Save"\nmsgstr "保存"\n')
    assert [len(found) for found in messages.merged(tmp_path)] == [1, 0]
    part(tmp_path, "c", 'msgid "Save"\nmsgstr "存盘"\n')
    catalogue, problems = messages.merged(tmp_path)
    assert [entry.msgstr for entry in catalogue] == ["保存"]
    assert problems == ["“Save” is “保存” in a.po and “存盘” in c.po."]


@pytest.mark.parametrize("text", ['msgid "Save"\nmsgstr ""\n', '#, fuzzy\nmsgid "Save"\nmsgstr "保存"\n'])
def test_an_empty_or_fuzzy_entry_is_told_and_left_out(text: str, tmp_path: Path) -> None:
    part(tmp_path, "a", text)
    catalogue, problems = messages.merged(tmp_path)
    assert len(catalogue) == 0
    assert problems == ["a.po: “Save” is fuzzy or has no translation."]


def test_texts_of_python_code_are_found(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text(
        "_('One')\ngettext_lazy('Two ' 'parts')\nngettext('day', 'days', 2)\npgettext('month', 'Open')\n"
        "gettext_noop('Later')\ngettext(variable)\nother('Not this')\n",
        encoding="utf-8",
    )
    assert messages.texts_of(source) == {
        ("", "One"), ("", "Two parts"), ("", "day"), ("month", "Open"), ("", "Later"),
    }  # fmt: skip


def test_texts_of_templates_are_found(tmp_path: Path) -> None:
    source = tmp_path / "a.html"
    source.write_text(
        '{% load i18n %}<p title="{% translate "One" %}">{% translate "Open" context "month" %}</p>\n'
        "{% blocktranslate with who=name trimmed %}\n  Asked by {{ who }}.\n{% endblocktranslate %}\n"
        "{% blocktranslate count n=rows|length %}one{% plural %}{{ n }} many{% endblocktranslate %}\n"
        '{% include "x.html" with label=_("Two") %} {{ value }} It\'s not this.',
        encoding="utf-8",
    )
    assert messages.texts_of(source) == {
        ("", "One"), ("month", "Open"), ("", "Asked by %(who)s."), ("", "one"), ("", "Two"),
    }  # fmt: skip


def test_a_placeholder_that_differs_is_told(tmp_path: Path) -> None:
    part(tmp_path, "a", 'msgid "By %(who)s"\nmsgstr "由%(whom)s"\n\nmsgid "At %(when)s"\nmsgstr "于 %(when)s"\n')
    assert messages.broken_placeholders(messages.merged(tmp_path)[0]) == ["By %(who)s"]


def test_what_django_translates_itself_is_not_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("_('Log out')\n_('Nobody has translated this sentence')\n", encoding="utf-8")
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "source_files", lambda: [source])
    gaps = messages.untranslated(messages.merged(tmp_path)[0])
    assert gaps == [(("", "Nobody has translated this sentence"), "a.py")]


def test_the_command_fails_on_a_gap_and_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    part(parts, "a", 'msgid "Save"\nmsgstr "保存"\n')
    source = tmp_path / "a.py"
    source.write_text("_('Save')\n_('A gap')\n", encoding="utf-8")
    catalogue, problems = messages.merged(parts)
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "merged", lambda: (catalogue, problems))
    monkeypatch.setattr(messages, "source_files", lambda: [source])
    monkeypatch.setattr(messages, "write_catalogues", lambda: problems)
    output = StringIO()
    call_command("messages", stdout=output)
    assert output.getvalue() == "1 texts, 1 without translation.\n  a.py: A gap\n"
    with pytest.raises(CommandError, match="has gaps"):
        call_command("messages", check=True, stdout=StringIO())
    source.write_text("_('Save')\n", encoding="utf-8")
    call_command("messages", check=True, stdout=StringIO())
    problems.append("two translations")
    with pytest.raises(CommandError, match="locale/parts need"):
        call_command("messages", stdout=StringIO())

"""What differs between two versions of a scheme, line by line and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assessments import deadlines
from assessments.rules import (
    RULE_LABELS,
    AdjustmentRule,
    IndicatorRule,
    SchemeRules,
    describe_adjustment,
    in_language,
    points_text,
)
from assessments.wording import setting_texts

Kind = Literal["added", "removed", "changed"]
Layout = Mapping[str, Any]
Texts = dict[str, tuple[str, dict[str, str]]]
"""Code -> (what it is called, side -> how that side reads)."""

SECTIONS: dict[str, Any] = {
    "indicators": gettext_lazy("Indicators"),
    "adjustments": gettext_lazy("Bonuses, penalties, vetoes"),
    "grades": gettext_lazy("Caps and grade lines"),
    "calendar": gettext_lazy("Calendar"),
    "categories": gettext_lazy("Categories"),
    "examples": gettext_lazy("Worked examples"),
    "details": gettext_lazy("Title and document"),
}
DETAILS: dict[str, Any] = {
    "name": gettext_lazy("name"),
    "name_en": gettext_lazy("English name"),
    "number": gettext_lazy("version"),
    "document": gettext_lazy("document number"),
    "catalogue_number": gettext_lazy("catalogue number"),
    "owner": gettext_lazy("responsible office"),
    "minutes_needed": gettext_lazy("minutes needed"),
}
SOURCES: dict[str, Any] = {
    "S": gettext_lazy("computed by the system"),
    "T": gettext_lazy("entered by the township"),
    "C": gettext_lazy("entered by the county"),
}
ADJUSTMENT_KINDS: dict[str, Any] = {
    "bonus": gettext_lazy("bonus"),
    "penalty": gettext_lazy("penalty"),
    "veto": gettext_lazy("veto"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `subject` names what it is about, `side` which side of it; texts are ready to be read."""

    section: str
    kind: Kind
    code: str
    subject: str
    side: str = ""
    before: str = ""
    after: str = ""

    @property
    def section_label(self) -> str:
        return str(SECTIONS[self.section])


def changes(before: Layout, after: Layout) -> list[Change]:
    """Every difference a reader cares for, in the order of the sections; empty when they say the same."""
    old, new = SchemeRules.from_snapshot(before), SchemeRules.from_snapshot(after)
    return [
        *_differences("indicators", _indicators(old), _indicators(new)),
        *_differences("adjustments", _adjustments(old), _adjustments(new)),
        *_differences("grades", _grades(old), _grades(new)),
        *_differences("calendar", _calendar(before["calendar"]), _calendar(after["calendar"])),
        *_differences("categories", _categories(old), _categories(new)),
        *_differences("examples", _examples(before["examples"]), _examples(after["examples"])),
        *_differences("details", _details(before), _details(after)),
    ]


def as_audit(found: Iterable[Change]) -> dict[str, list[str]]:
    """For the audit trail: what -> [before, after]."""
    return {" ".join(filter(None, (item.section, item.code, item.side))): [item.before, item.after] for item in found}


def _differences(section: str, before: Texts, after: Texts) -> list[Change]:
    found = [
        Change(section, "removed", code, subject, before=_together(sides))
        for code, (subject, sides) in before.items()
        if code not in after
    ]
    for code, (subject, sides) in after.items():
        if code in before:
            found += _sides(section, code, subject, before[code][1], sides)
        else:
            found.append(Change(section, "added", code, subject, after=_together(sides)))
    return found


def _sides(section: str, code: str, subject: str, before: dict[str, str], after: dict[str, str]) -> list[Change]:
    return [
        Change(section, "changed", code, subject, side, before.get(side, ""), after.get(side, ""))
        for side in dict.fromkeys((*before, *after))
        if before.get(side, "") != after.get(side, "")
    ]


def _together(sides: Mapping[str, str]) -> str:
    return _("; ").join(f"{side} {text}" for side, text in sides.items() if text)


def _named(code: str, name: str, name_en: str) -> str:
    return f"{code} {in_language(name, name_en)}".strip()


def _indicators(rules: SchemeRules) -> Texts:
    return {item.code: (_named(item.code, item.name, item.name_en), _indicator(item)) for item in rules.indicators}


def _indicator(item: IndicatorRule) -> dict[str, str]:
    return {
        _("weight"): points_text(item.weight),
        _("rule"): str(RULE_LABELS[item.rule_type]),
        **setting_texts(item),
        _("source"): str(SOURCES[item.source]),
        _("computed from"): item.source_code,
        _("category"): item.category,
        _("unit"): item.unit,
        _("counting definition"): item.definition,
        _("label of the counted part"): item.numerator_label,
        _("label of the whole"): item.denominator_label,
        _("where the whole comes from"): item.denominator_source,
        _("name"): item.name,
        _("column heading"): item.short_name,
        _("English texts"): _texts(
            item.name_en, item.short_name_en, item.unit_en, item.numerator_label_en, item.denominator_label_en
        ),
    }


def _texts(*texts: str) -> str:
    return _("; ").join(filter(None, texts))


def _adjustments(rules: SchemeRules) -> Texts:
    return {
        item.code: (_named(item.code, item.name, item.name_en), _adjustment(item, rules)) for item in rules.adjustments
    }


def _adjustment(item: AdjustmentRule, rules: SchemeRules) -> dict[str, str]:
    sides = {
        _("kind"): str(ADJUSTMENT_KINDS[item.kind]),
        _("rule"): describe_adjustment(item, rules.grades),
        _("name"): item.name,
        _("English texts"): _texts(item.name_en, item.unit_en),
        _("source"): str(SOURCES[item.source]),
        _("computed from"): item.source_code,
        _("needs a document number"): _yes(item.needs_document),
    }
    if item.kind == "veto":
        sides |= {_("best grade of the year"): item.year_grade_cap, _("listed after all others"): _yes(item.ranks_last)}
    return sides


def _yes(flag: bool) -> str:
    return _("yes") if flag else _("no")


def _grades(rules: SchemeRules) -> Texts:
    caps = {_("bonus cap"): points_text(rules.bonus_cap), _("penalty cap"): points_text(rules.penalty_cap)}
    lines: Texts = {"": (_("Caps"), caps)}
    for grade in rules.grades:
        share = grade.best_share_percent
        lines[grade.code] = (
            in_language(grade.name, grade.name_en),
            {
                _("name"): grade.name,
                _("from points"): points_text(grade.minimum),
                _("within the best of the township"): "" if share is None else f"{share}%",
                _("at least one from villages"): "" if share is None else str(grade.minimum_villages),
                _("English texts"): grade.name_en,
            },
        )
    return lines


def _calendar(calendar: Mapping[str, Any]) -> Texts:
    lines: Texts = {
        step: (str(deadlines.STEP_LABELS[step]), {"": deadlines.step_text(calendar[step])})
        for step in deadlines.STEPS
        if step in calendar
    }
    for name, label in deadlines.DAY_COUNT_LABELS.items():
        lines[name] = (str(label), {"": str(calendar.get(name, ""))})
    return lines


def _categories(rules: SchemeRules) -> Texts:
    return {
        item.code: (_named(item.code, item.name, item.name_en), {_("name"): item.name, _("English name"): item.name_en})
        for item in rules.categories
    }


def _examples(examples: Iterable[Mapping[str, Any]]) -> Texts:
    return {
        item["title"]: (
            item["title"],
            {_("values"): _pairs(item["values"]), _("expected points"): _pairs(item["expected"])},
        )
        for item in examples
    }


def _pairs(values: Mapping[str, Any]) -> str:
    return _(", ").join(f"{name} {value}" for name, value in sorted(values.items()))


def _details(layout: Layout) -> Texts:
    return {name: (str(label), {"": str(layout[name])}) for name, label in DETAILS.items()}

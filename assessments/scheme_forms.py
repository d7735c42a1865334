"""Forms of the scheme's pages. They turn what is typed into the layout that `services.schemes` writes.

What a rule type needs is declared in `rules.PARAMETERS`; its fields are made from there, so
a new rule type needs no new form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from assessments import deadlines
from assessments.comparison import SOURCES
from assessments.rules import (
    INDICATOR_RULE_TYPES,
    PARAMETERS,
    RULE_LABELS,
    YEAR_GRADES,
    IndicatorRule,
    Parameter,
    SchemeRules,
    in_language,
    plain,
)
from assessments.wording import COMPUTED_ONLY
from branches import indicators

Layout = dict[str, Any]
PLACES = {"integer": 0, "points": 2, "decimal": 4, "percent": 4}
BLANK_ROWS = 2
NAME = pgettext_lazy("of a thing", "Name")
STATE_WORDS = {
    "not_applicable": pgettext_lazy("state of a value", "not applicable"),
    "exempt": pgettext_lazy("state of a value", "exempt"),
    "missing": pgettext_lazy("state of a value", "missing"),
    "nothing_due": pgettext_lazy("state of a value", "nothing due"),
}
EXPECTED_SUMS = {
    "sum": _("Sum of the indicators"),
    "bonus": pgettext_lazy("points", "Bonus"),
    "penalty": pgettext_lazy("points", "Penalty"),
    "total": _("Total"),
    "grade": _("Grade"),
}


# --- Fields -------------------------------------------------------------------------------


def number_text(typed: str, places: int) -> str:
    """A typed number as plain text: full-width digits and thousands separators are understood.

    Raises forms.ValidationError where it is no number or has more decimals than `places`.
    """
    text = unicodedata.normalize("NFKC", typed).strip().replace(",", "").removesuffix("%").replace("。", ".")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise forms.ValidationError(_("Write a number, such as 12 or 1.5."), "not_a_number") from error
    if not number.is_finite() or number != round(number, places):
        message = gettext("At most %(places)d decimals.") if places else gettext("A whole number.")
        raise forms.ValidationError(message % {"places": places} if places else message, "too_many_decimals")
    return plain(number)


class NumberField(forms.CharField):
    """Plain text of a number; empty text where none is required."""

    def __init__(self, places: int, *, least: int | None = None, most: int | None = None, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(**options)
        self.places, self.least, self.most = places, least, most

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        text = number_text(text, self.places)
        if (self.least is not None and Decimal(text) < self.least) or (
            self.most is not None and Decimal(text) > self.most
        ):
            message = gettext("Between %(least)s and %(most)s.") % {"least": self.least, "most": self.most}
            raise forms.ValidationError(message, "out_of_range")
        return text


class TableWidget(forms.Widget):
    """Rows of inputs, with two empty ones at the end; a row that is left empty does not count."""

    use_fieldset = True

    def __init__(self, columns: Sequence[Parameter], blank_rows: int = BLANK_ROWS) -> None:
        super().__init__()
        self.columns, self.blank_rows = columns, blank_rows

    def render(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None) -> SafeString:
        rows = [*(value or ()), *({} for _number in range(self.blank_rows))]
        context = {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "columns": self.columns,
            "rows": [[(column, _shown(row.get(column.name))) for column in self.columns] for row in rows],
        }
        return render_to_string("assessments/_scheme_table.html", context)

    def id_for_label(self, id_: str) -> str:
        return ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, str]]:
        numbers = sorted(_row_numbers(data, name))
        rows = [
            {column.name: data.get(f"{name}-{number}-{column.name}", "").strip() for column in self.columns}
            for number in numbers
        ]
        return [row for row in rows if any(row.values())]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not _row_numbers(data, name)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _row_numbers(data: Iterable[str], name: str) -> set[int]:
    parts = (key.removeprefix(f"{name}-").split("-", 1)[0] for key in data if key.startswith(f"{name}-"))
    return {int(part) for part in parts if part.isdecimal()}


class TableField(forms.Field):
    """A list of rows, each a dict of texts by column; an empty cell that may be empty is None."""

    def __init__(self, columns: Sequence[Parameter], *, blank_rows: int = BLANK_ROWS, **options: Any) -> None:
        super().__init__(widget=TableWidget(columns, blank_rows), **options)
        self.columns = columns

    def clean(self, value: Any) -> list[dict[str, Any]]:
        value = super().clean(value) or []
        problems: list[str] = []
        rows = [dict(self._cells(number, row, problems)) for number, row in enumerate(value, start=1)]
        if problems:
            raise forms.ValidationError(problems, "row_unreadable")
        return rows

    def _cells(self, number: int, row: Mapping[str, str], problems: list[str]) -> Iterator[tuple[str, Any]]:
        for column in self.columns:
            try:
                yield column.name, _cell_value(column, row[column.name])
            except forms.ValidationError as error:
                place = gettext("Row %(row)d, %(column)s: ") % {"row": number, "column": column.label}
                problems.append(place + error.messages[0])

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [{key: _shown(item) for key, item in row.items() if _shown(item)} for row in initial or ()] != [
            {key: item for key, item in row.items() if item} for row in data or ()
        ]


def _cell_value(column: Parameter, text: str) -> str | None:
    if not text:
        if column.is_required:
            raise forms.ValidationError(_("Fill this in."), "required")
        return "" if column.kind == "text" else None
    if column.kind in PLACES:
        return number_text(text, PLACES[column.kind])
    if column.kind == "choice" and text not in {choice for choice, _label in column.choices}:
        raise forms.ValidationError(_("Choose one of the values offered."), "invalid_choice")
    return text


def field_of(item: Parameter) -> forms.Field:
    """The form field of one declared setting."""
    options: dict[str, Any] = {"label": item.label, "help_text": item.help, "required": item.is_required}
    if item.kind == "table":
        return TableField(item.columns, **{**options, "required": False})
    if item.kind == "flag":
        return forms.BooleanField(**{**options, "required": False})
    if item.kind == "choice":
        widget = forms.RadioSelect if len(item.choices) <= 2 else forms.Select
        return forms.ChoiceField(choices=item.choices, widget=widget, **options)
    if item.kind == "text":
        return forms.CharField(max_length=60, **options)
    return NumberField(PLACES[item.kind], **options)


# --- What all forms of a draft share --------------------------------------------------------


class DraftForm(forms.Form):
    """A form about one part of a draft. `version` is what its reader saw; the service compares it.

    `conflict` is set when somebody else was faster: the sentence, and the values that differ.
    """

    conflict: tuple[str, list[tuple[str, str, str]]] | None = None
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, version: int, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={**(initial or {}), "version": version})

    def differences(self) -> list[tuple[str, str, str]]:
        """(label, stored now, typed here) of what differs. `initial` is what is stored now."""
        return [
            (str(bound.label), self._text(bound.name, bound.initial), self._text(bound.name, bound.data))
            for bound in self
            if bound.name in self.changed_data and bound.name != "version"
        ]

    def apply(self, layout: Layout) -> None:
        """Put what was typed into the layout."""
        raise NotImplementedError

    def accept_version(self, version: int) -> None:
        """From here on saving again means: mine, knowing what was stored meanwhile."""
        self.data = {**self.data.dict(), "version": str(version)}  # type: ignore[attr-defined]

    def _text(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return gettext("; ").join(" ".join(filter(None, map(_shown, row.values()))) for row in value)
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
        if isinstance(field, forms.BooleanField):
            return gettext("yes") if value in (True, "on") else gettext("no")
        return _shown(value)


class DetailsForm(DraftForm):
    """What the scheme presents itself as: title, document, who answers for it (handbook 9.4)."""

    name = forms.CharField(label=NAME, max_length=120)
    name_en = forms.CharField(label=_("English name"), max_length=160, required=False)
    number = forms.CharField(label=_("Version"), max_length=20, help_text=_("Such as 2026-2."))
    document = forms.CharField(
        label=_("Document number"),
        max_length=120,
        required=False,
        help_text=_("The document that this scheme rests on. Needed for publication."),
    )
    catalogue_number = forms.CharField(
        label=_("Catalogue number"),
        max_length=40,
        required=False,
        help_text=_("In the county's list of approved tables."),
    )
    owner = forms.CharField(label=_("Responsible office"), max_length=60, required=False)
    minutes_needed = forms.IntegerField(
        label=_("Minutes needed"),
        min_value=1,
        max_value=240,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=_("For a township to fill in one month."),
    )

    def apply(self, layout: Layout) -> None:
        layout.update({name: value for name, value in self.cleaned_data.items() if name != "version"})


class WeightsForm(DraftForm):
    """The weights of all indicators, one field each."""

    def __init__(self, data: Any = None, *, version: int, layout: Layout) -> None:
        initial = {f"w-{item['code']}": plain(Decimal(item["weight"])) for item in layout["indicators"]}
        super().__init__(data, version=version, initial=initial)
        for item in layout["indicators"]:
            label = f"{item['code']} {in_language(item['name'], item['name_en'])}"
            field = NumberField(1, least=0, most=100, label=label)
            field.widget.attrs |= {"aria-label": gettext("Weight of %(name)s") % {"name": label}, "data-weight": ""}
            self.fields[f"w-{item['code']}"] = field

    def apply(self, layout: Layout) -> None:
        for item in layout["indicators"]:
            item["weight"] = self.cleaned_data.get(f"w-{item['code']}", item["weight"])


CATEGORY_COLUMNS = (
    Parameter("code", _("Code"), "text", "", is_required=True),
    Parameter("name", NAME, "text", "", is_required=True),
    Parameter("name_en", _("English name"), "text", "", is_required=False),
)


class CategoriesForm(DraftForm):
    """The categories, in order. One that still has indicators cannot go."""

    categories = TableField(CATEGORY_COLUMNS, label=_("Categories"), blank_rows=1)

    def __init__(self, data: Any = None, *, version: int, layout: Layout) -> None:
        super().__init__(data, version=version, initial={"categories": layout["categories"]})
        self._used = {item["category"] for item in layout["indicators"]}

    def clean_categories(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.cleaned_data["categories"]
        codes = [row["code"] for row in rows]
        if any(len(code) > 4 for code in codes):
            raise forms.ValidationError(_("A code of a category has at most 4 characters."), "code_too_long")
        if len(set(codes)) < len(codes):
            raise forms.ValidationError(_("Two categories have the same code."), "category_twice")
        missing = sorted(self._used - set(codes))
        if missing:
            message = gettext("%(codes)s still has indicators. Move or remove them first.")
            raise forms.ValidationError(message % {"codes": ", ".join(missing)}, "category_used")
        return rows

    def apply(self, layout: Layout) -> None:
        order = {row["code"]: number for number, row in enumerate(self.cleaned_data["categories"])}
        layout["categories"] = self.cleaned_data["categories"]
        layout["indicators"].sort(key=lambda item: order.get(item["category"], len(order)))


# --- One indicator --------------------------------------------------------------------------


class IndicatorForm(DraftForm):
    """One indicator with the settings of its rule.

    `item` is the indicator as stored, None for a new one; `initial` stands over it.
    """

    code = forms.RegexField(
        r"^[A-Z][A-Z0-9]{0,5}$",
        label=_("Code"),
        help_text=_("A capital letter and up to five letters or digits, such as A10."),
    )
    category = forms.ChoiceField(label=_("Category"))
    name = forms.CharField(label=NAME, max_length=60)
    short_name = forms.CharField(label=_("Column heading"), max_length=20, required=False)
    weight = NumberField(1, least=0, most=100, label=_("Weight"))
    unit = forms.CharField(label=_("Unit"), max_length=20, required=False)
    rule_type = forms.ChoiceField(label=_("Rule"), choices=[(name, RULE_LABELS[name]) for name in INDICATOR_RULE_TYPES])
    source = forms.ChoiceField(label=_("Source"), choices=list(SOURCES.items()), widget=forms.RadioSelect)
    source_code = forms.ChoiceField(label=_("Computed from"), required=False)
    has_denominator = forms.BooleanField(label=_("A share of something: counted part ÷ whole"), required=False)
    numerator_label = forms.CharField(label=_("Label of the counted part"), max_length=40, required=False)
    denominator_label = forms.CharField(label=_("Label of the whole"), max_length=40, required=False)
    denominator_source = forms.CharField(
        label=_("Where the whole comes from"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"list": "denominator-sources"}),
        help_text=_("Empty: the township enters it. “constant:12” is a fixed number."),
    )
    definition = forms.CharField(
        label=_("Counting definition"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    name_en = forms.CharField(label=_("English name"), max_length=80, required=False)
    short_name_en = forms.CharField(label=_("English column heading"), max_length=40, required=False)
    unit_en = forms.CharField(label=_("English unit"), max_length=30, required=False)
    numerator_label_en = forms.CharField(label=_("English label of the counted part"), max_length=60, required=False)
    denominator_label_en = forms.CharField(label=_("English label of the whole"), max_length=60, required=False)

    GROUPS = {
        "what": ("code", "category", "name", "short_name", "weight", "unit", "definition"),
        "source": (
            "source",
            "source_code",
            "has_denominator",
            "numerator_label",
            "denominator_label",
            "denominator_source",
        ),
        "english": ("name_en", "short_name_en", "unit_en", "numerator_label_en", "denominator_label_en"),
    }

    def __init__(
        self,
        data: Any = None,
        *,
        version: int,
        layout: Layout,
        item: Mapping[str, Any] | None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        stored = {"weight": "0", "rule_type": "ratio", "source": "T", **(item or {}), **(initial or {})}
        shown = {**stored, "weight": _without_zeros(stored["weight"])}
        shown |= {f"p-{name}": value for name, value in stored.get("parameters", {}).items()}
        super().__init__(data, version=version, initial=shown)
        self.former_code: str | None = item["code"] if item else None
        self._others = {other["code"] for other in (*layout["indicators"], *layout["adjustments"])} - {self.former_code}
        self._category_field(layout)
        self._source_field(stored.get("source_code", ""))
        self.chosen_rule = self._chosen_rule(stored["rule_type"])
        for setting in PARAMETERS[self.chosen_rule]:
            self.fields[f"p-{setting.name}"] = field_of(setting)
            self.initial.setdefault(f"p-{setting.name}", setting.default)

    def _category_field(self, layout: Layout) -> None:
        choices = [
            (row["code"], f"{row['code']} {in_language(row['name'], row['name_en'])}") for row in layout["categories"]
        ]
        self.fields["category"].choices = choices  # type: ignore[attr-defined]

    def _source_field(self, current: str) -> None:
        known = {source.code: str(source.label) for source in indicators.registered() if source.kind == "indicator"}
        if current and current not in known:
            known[current] = gettext("%(code)s (arrives with a later part)") % {"code": current}
        self.fields["source_code"].choices = [("", "—"), *known.items()]  # type: ignore[attr-defined]

    def _chosen_rule(self, stored: str) -> str:
        chosen = self.data.get("rule_type", stored) if self.is_bound else stored
        return chosen if chosen in INDICATOR_RULE_TYPES else stored

    def group(self, name: str) -> list[forms.BoundField]:
        return [self[field] for field in self.GROUPS[name]]

    def settings(self) -> list[forms.BoundField]:
        return [self[f"p-{item.name}"] for item in PARAMETERS[self.chosen_rule] if item.name not in COMPUTED_ONLY]

    def computed_settings(self) -> list[forms.BoundField]:
        return [self[f"p-{item.name}"] for item in PARAMETERS[self.chosen_rule] if item.name in COMPUTED_ONLY]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if code in self._others:
            raise forms.ValidationError(gettext("The code %(code)s is used already.") % {"code": code}, "code_twice")
        return code

    def layout_item(self) -> dict[str, Any]:
        """The indicator as the layout keeps it; settings at their declared default are left out."""
        fields = {name: self.cleaned_data[name] for group in self.GROUPS.values() for name in group}
        parameters = {}
        for setting in PARAMETERS[self.chosen_rule]:
            value = self.cleaned_data[f"p-{setting.name}"]
            if setting.kind == "table" or value != setting.default:
                parameters[setting.name] = int(value) if setting.kind == "integer" else value
        return {**fields, "rule_type": self.chosen_rule, "parameters": parameters}

    def apply(self, layout: Layout) -> None:
        """Put the indicator in the place of the former one, or at the end of its category."""
        new, rows = self.layout_item(), layout["indicators"]
        place = next((number for number, row in enumerate(rows) if row["code"] == self.former_code), None)
        if place is not None and rows[place]["category"] == new["category"]:
            rows[place] = new
        else:
            if place is not None:
                del rows[place]
            order = [row["code"] for row in layout["categories"]]
            rank = order.index(new["category"])
            rows.insert(sum(1 for row in rows if order.index(row["category"]) <= rank), new)
        if self.former_code and self.former_code != new["code"]:
            rename_in_examples(layout, self.former_code, new["code"])


def _without_zeros(text: str) -> str:
    """A stored weight as it is typed; what is no number stays as typed."""
    try:
        return number_text(text, 4)
    except forms.ValidationError:
        return text


def rename_in_examples(layout: Layout, old: str, new: str) -> None:
    """Examples keep meaning the same indicator after its code changed."""

    def renamed(name: str) -> str:
        prefix, dot, code = name.rpartition("weight.")
        head, point, rest = code.partition(".")
        return f"{prefix}{dot}{new}{point}{rest}" if head == old else name

    for example in layout["examples"]:
        for part in ("values", "expected"):
            example[part] = {renamed(name): value for name, value in example[part].items()}


# --- Bonus, penalty, veto -------------------------------------------------------------------


LEVEL_COLUMNS = (
    Parameter("name", _("Level"), "text", "", is_required=True),
    Parameter("points", _("Points for one"), "points", "", is_required=True),
    Parameter("name_en", _("English name"), "text", "", is_required=False),
)


class AdjustmentForm(DraftForm):
    """One bonus, penalty or veto. `kind` decides which fields there are."""

    code = forms.RegexField(r"^[A-Z][A-Z0-9]{0,5}$", label=_("Code"), help_text=_("Such as P6, N7 or V8."))
    name = forms.CharField(label=NAME, max_length=120)
    name_en = forms.CharField(label=_("English name"), max_length=160, required=False)
    unit = forms.CharField(label=_("Unit"), max_length=20, required=False)
    unit_en = forms.CharField(label=_("English unit"), max_length=30, required=False)
    levels = TableField(
        LEVEL_COLUMNS, label=_("Levels and points"), help_text=_("Points are written without a sign."), required=False
    )
    cap = NumberField(
        2, least=0, most=100, label=_("At most"), required=False, help_text=_("Empty: no cap of its own.")
    )
    grade_cap = forms.ChoiceField(label=_("Best grade of the month"))
    year_grade_cap = forms.ChoiceField(
        label=_("Best grade of the year"), choices=[("", "—"), *YEAR_GRADES.items()], required=False
    )
    ranks_last = forms.BooleanField(label=_("Listed after all others"), required=False)
    needs_document = forms.BooleanField(label=_("Needs a document number"), required=False)

    SCORED = ("unit", "unit_en", "levels", "cap")
    VETO = ("grade_cap", "year_grade_cap", "ranks_last")

    def __init__(
        self, data: Any = None, *, version: int, layout: Layout, kind: str, item: Mapping[str, Any] | None
    ) -> None:
        stored: dict[str, Any] = dict(item) if item else {"needs_document": True, "ranks_last": True}
        stored["levels"] = [
            {"name": name, "points": points, "name_en": more[0] if more else ""}
            for name, points, *more in stored.get("levels", ())
        ]
        stored["cap"] = "" if stored.get("cap") is None else plain(Decimal(stored["cap"]))
        super().__init__(data, version=version, initial=stored)
        self.kind, self._stored = kind, dict(item) if item else {}
        self.former_code: str | None = item["code"] if item else None
        self._others = {other["code"] for other in (*layout["indicators"], *layout["adjustments"])} - {self.former_code}
        for name in self.SCORED if kind == "veto" else self.VETO:
            del self.fields[name]
        if kind == "veto":
            grades = [(grade["code"], in_language(grade["name"], grade["name_en"])) for grade in layout["grades"]]
            self.fields["grade_cap"].choices = grades  # type: ignore[attr-defined]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if code in self._others:
            raise forms.ValidationError(gettext("The code %(code)s is used already.") % {"code": code}, "code_twice")
        return code

    def layout_item(self) -> dict[str, Any]:
        typed = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        if self.kind != "veto":
            typed["levels"] = [[row["name"], row["points"], row["name_en"]] for row in typed["levels"]]
            typed["cap"] = typed["cap"] or None
        empty: dict[str, Any] = {"levels": [], "cap": None, "grade_cap": "", "year_grade_cap": "", "ranks_last": True}
        more = {"source": "C", "source_code": "", "unit": "", "unit_en": ""}
        return {**empty, **more, **self._stored, **typed, "kind": self.kind}

    def apply(self, layout: Layout) -> None:
        new, rows = self.layout_item(), layout["adjustments"]
        place = next((number for number, row in enumerate(rows) if row["code"] == self.former_code), None)
        if place is None:
            rows.insert(
                max((number for number, row in enumerate(rows, 1) if row["kind"] == self.kind), default=len(rows)), new
            )
            return
        rows[place] = new
        if self.former_code and self.former_code != new["code"]:
            rename_in_examples(layout, self.former_code, new["code"])


# --- Caps, grades, calendar -----------------------------------------------------------------


GRADE_COLUMNS = (
    Parameter("code", _("Code"), "text", "", is_required=True),
    Parameter("name", _("Grade"), "text", "", is_required=True),
    Parameter("minimum", _("From points"), "points", "", is_required=True),
    Parameter("best_share_percent", _("Best share of the township (percent)"), "integer", None, is_required=False),
    Parameter("minimum_villages", _("At least one from villages"), "integer", None, is_required=False),
    Parameter("name_en", _("English name"), "text", "", is_required=False),
)


class GradesForm(DraftForm):
    """The caps of bonus and penalty, and the grades, best first."""

    bonus_cap = NumberField(2, least=0, most=5, label=_("Bonuses together at most"))
    penalty_cap = NumberField(2, least=0, most=100, label=_("Penalties together at most"))
    grades = TableField(
        GRADE_COLUMNS,
        label=_("Grade lines, best first"),
        help_text=_("The last grade begins at 0. A quota is a warning that the county may override with a reason."),
        blank_rows=1,
    )

    def __init__(self, data: Any = None, *, version: int, layout: Layout) -> None:
        initial = {
            "bonus_cap": plain(Decimal(layout["bonus_cap"])),
            "penalty_cap": plain(Decimal(layout["penalty_cap"])),
            "grades": layout["grades"],
        }
        super().__init__(data, version=version, initial=initial)

    def apply(self, layout: Layout) -> None:
        layout["bonus_cap"], layout["penalty_cap"] = self.cleaned_data["bonus_cap"], self.cleaned_data["penalty_cap"]
        layout["grades"] = [self._grade(row) for row in self.cleaned_data["grades"]]

    @staticmethod
    def _grade(row: Mapping[str, Any]) -> dict[str, Any]:
        share, villages = row["best_share_percent"], row["minimum_villages"]
        return {
            **row,
            "best_share_percent": None if share is None else int(share),
            "minimum_villages": 3 if villages is None else int(villages),
        }


class CalendarForm(DraftForm):
    """When a month opens, is handed in, reviewed, locked and published."""

    def __init__(self, data: Any = None, *, version: int, layout: Layout) -> None:
        calendar = layout["calendar"]
        initial = {
            f"{step}-{name}": value for step in deadlines.STEPS for name, value in calendar.get(step, {}).items()
        }
        initial |= {name: calendar.get(name) for name in deadlines.DAY_COUNT_LABELS}
        super().__init__(data, version=version, initial=initial)
        for step in deadlines.STEPS:
            self._add_step(step)
        for name, label in deadlines.DAY_COUNT_LABELS.items():
            self.fields[name] = NumberField(0, least=1, most=30, label=label)

    def _add_step(self, step: str) -> None:
        label = deadlines.STEP_LABELS[step]
        months = [(str(number), words) for number, words in deadlines.MONTH_WORDS.items()]
        fields = {
            "months_later": forms.ChoiceField(choices=months, label=_("Month")),
            "day": NumberField(0, least=1, most=31, label=_("Day")),
            "time": forms.RegexField(
                r"^([01]\d|2[0-3]):[0-5]\d$",
                label=_("Time"),
                error_messages={"invalid": _("Write the time as 18:00.")},
                widget=forms.TextInput(attrs={"inputmode": "numeric", "maxlength": 5}),
            ),
            "working_days_after": NumberField(0, least=0, most=20, label=_("Working days after the step before")),
        }
        for name, field in fields.items():
            field.widget.attrs["aria-label"] = f"{label} {field.label}"
            self.fields[f"{step}-{name}"] = field

    def steps(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """(code, label, its four fields) of each step."""
        names = ("months_later", "day", "time", "working_days_after")
        return [
            (step, str(deadlines.STEP_LABELS[step]), [self[f"{step}-{name}"] for name in names])
            for step in deadlines.STEPS
        ]

    def counts(self) -> list[forms.BoundField]:
        return [self[name] for name in deadlines.DAY_COUNT_LABELS]

    def calendar(self) -> dict[str, Any]:
        typed = self.cleaned_data
        steps: dict[str, Any] = {
            step: {
                "day": int(typed[f"{step}-day"]),
                "months_later": int(typed[f"{step}-months_later"]),
                "time": typed[f"{step}-time"],
                "working_days_after": int(typed[f"{step}-working_days_after"]),
            }
            for step in deadlines.STEPS
        }
        return steps | {name: int(typed[name]) for name in deadlines.DAY_COUNT_LABELS}

    def clean(self) -> None:
        if not self.errors:
            for problem in deadlines.calendar_problems(self.calendar()):
                self.add_error(None, forms.ValidationError(problem.message, problem.code))

    def apply(self, layout: Layout) -> None:
        layout["calendar"] = self.calendar()


# --- Worked examples ------------------------------------------------------------------------


class ExampleForm(DraftForm):
    """An invented village: a value for each column, how often each bonus or penalty, and the points it must get."""

    title = forms.CharField(label=_("Title"), max_length=120)

    def __init__(
        self, data: Any = None, *, version: int, rules: SchemeRules, example: Mapping[str, Any] | None
    ) -> None:
        example = example or {"title": "", "values": {}, "expected": {}}
        self.former_title: str = example["title"]
        self._rules = rules
        values, expected = example["values"], example["expected"]
        initial = {"title": example["title"]}
        initial |= {f"v-{code}": _value_words(values[code]) for code in rules.value_codes() if code in values}
        initial |= {f"e-{name}": text for name, text in expected.items()}
        initial |= {f"t-{name}": times for name, times in _times(rules, values)}
        super().__init__(data, version=version, initial=initial)
        for item in rules.indicators:
            self._add_indicator(item, expected)
        for name, _label in adjustment_levels(rules):
            self.fields[f"t-{name}"] = NumberField(0, least=0, most=99, required=False, label=name)
        for name, label in EXPECTED_SUMS.items():
            self._add_expected(name, str(label))

    def _add_indicator(self, item: IndicatorRule, expected: Mapping[str, Any]) -> None:
        for code, label in value_labels(item):
            name = f"{item.code} {label}"
            field = forms.CharField(required=False, label=name, max_length=30)
            field.widget.attrs |= {"inputmode": "decimal", "aria-label": name}
            self.fields[f"v-{code}"] = field
        self._add_expected(item.code, gettext("Expected points of %(code)s") % {"code": item.code})
        if f"weight.{item.code}" in expected:
            self._add_expected(f"weight.{item.code}", gettext("Expected full marks of %(code)s") % {"code": item.code})

    def _add_expected(self, name: str, label: str) -> None:
        if name == "grade":
            grades = [(grade.code, in_language(grade.name, grade.name_en)) for grade in self._rules.grades]
            self.fields["e-grade"] = forms.ChoiceField(choices=[("", "—"), *grades], required=False, label=label)
            return
        field = NumberField(2, required=False, label=label)
        field.widget.attrs["aria-label"] = label
        self.fields[f"e-{name}"] = field

    def rows(self) -> list[tuple[IndicatorRule, list[tuple[str, forms.BoundField]], list[forms.BoundField]]]:
        """(indicator, its labelled value fields, its expectations) in the order of the scheme."""
        return [
            (
                item,
                [(label, self[f"v-{code}"]) for code, label in value_labels(item)],
                [self[name] for name in (f"e-{item.code}", f"e-weight.{item.code}") if name in self.fields],
            )
            for item in self._rules.indicators
        ]

    def adjustment_fields(self) -> list[tuple[str, forms.BoundField]]:
        return [(label, self[f"t-{name}"]) for name, label in adjustment_levels(self._rules)]

    def sums(self) -> list[forms.BoundField]:
        return [self[f"e-{name}"] for name in EXPECTED_SUMS]

    def clean(self) -> None:
        for name in self.fields:
            if name.startswith("v-") and name in self.cleaned_data:
                try:
                    self.cleaned_data[name] = _typed_value(self.cleaned_data[name])
                except forms.ValidationError as error:
                    self.add_error(name, error)

    def example(self) -> dict[str, Any]:
        typed = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        values = {name.removeprefix("v-"): value for name, value in typed.items() if name.startswith("v-")}
        for name, times in typed.items():
            if name.startswith("t-") and int(times):
                code, _slash, level = name.removeprefix("t-").partition("/")
                values.setdefault(code, {})[level] = int(times)
        expected = {name.removeprefix("e-"): value for name, value in typed.items() if name.startswith("e-")}
        return {"title": self.cleaned_data["title"], "values": values, "expected": expected}

    def apply(self, layout: Layout) -> None:
        rows = layout["examples"]
        place = next((number for number, row in enumerate(rows) if row["title"] == self.former_title), None)
        if place is None:
            rows.append(self.example())
        else:
            rows[place] = self.example()


def value_labels(item: IndicatorRule) -> list[tuple[str, str]]:
    """(column code, what it is called) of what an indicator is scored from."""
    codes = item.value_codes()
    if item.has_denominator:
        part = in_language(item.numerator_label, item.numerator_label_en) or gettext("counted part")
        whole = in_language(item.denominator_label, item.denominator_label_en) or gettext("whole")
        return list(zip(codes, (part, whole), strict=True))
    if item.rule_type == "vote":
        names = [in_language(row["name"], row.get("name_en", "")) for row in item.rows("options")]
        return list(zip(codes, names, strict=True))
    if item.rule_type == "panel":
        return [(code, gettext("Judge %(number)d") % {"number": number}) for number, code in enumerate(codes, start=1)]
    unit = in_language(item.unit, item.unit_en)
    return [(code, unit or gettext("value")) for code in codes]


def adjustment_levels(rules: SchemeRules) -> list[tuple[str, str]]:
    """("P1/县级", what it is called) of every bonus and penalty level and every veto."""
    found = []
    for item in rules.adjustments:
        name = f"{item.code} {in_language(item.name, item.name_en)}"
        if item.kind == "veto":
            found.append((f"{item.code}/", name))
        for level in item.levels:
            words = gettext("%(item)s: %(level)s") % {"item": name, "level": in_language(level.name, level.name_en)}
            found.append((f"{item.code}/{level.name}", words))
    return found


def _times(rules: SchemeRules, values: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for item in rules.adjustments:
        given = values.get(item.code)
        if given is None:
            continue
        levels = given if isinstance(given, Mapping) else {item.levels[0].name if item.levels else "": given}
        yield from ((f"{item.code}/{level}", times) for level, times in levels.items())


def _value_words(value: Any) -> str:
    """A value of an example as it is typed: a number, a state in words, or a number handed in late."""
    if isinstance(value, list | tuple):
        return gettext("%(value)s late") % {"value": value[0]}
    return str(STATE_WORDS.get(value, value))


def _typed_value(text: str) -> Any:
    """What `_value_words` shows, read back; English and Chinese words are both understood."""
    if not text:
        return ""
    for state, words in STATE_WORDS.items():
        if text in {state, str(words), *_OTHER_WORDS[state]}:
            return state
    for suffix in ("late", "迟报", gettext("%(value)s late") % {"value": ""}):
        if suffix.strip() and text.endswith(suffix.strip()):
            return [number_text(text.removesuffix(suffix.strip()), 4), "late"]
    return number_text(text, 4)


_OTHER_WORDS: dict[str, tuple[str, ...]] = {
    "not_applicable": ("不适用", "not applicable"),
    "exempt": ("免报", "exempt"),
    "missing": ("缺报", "missing"),
    "nothing_due": ("无应办", "nothing due"),
}

Edit = Callable[[Layout], None]


def removed(part: str, code: str) -> Edit:
    """An edit that takes one indicator, item or example (by title) out of a layout."""
    key = "title" if part == "examples" else "code"

    def edit(layout: Layout) -> None:
        layout[part] = [row for row in layout[part] if row[key] != code]
        for example in layout["examples"]:
            for side in ("values", "expected"):
                example[side] = {
                    name: value
                    for name, value in example[side].items()
                    if name.removeprefix("weight.").partition(".")[0] != code
                }

    return edit

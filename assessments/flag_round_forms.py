"""Forms of a round of flags: its settings, a category, a criterion."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from assessments.flag_criteria import LAST, MEAN, MONTHS, RULE_TYPES, SPAN, SUM
from assessments.models import FlagCategory, FlagCriterion, FlagRound
from assessments.rules import PARAMETERS, RULE_LABELS, plain
from assessments.scheme_forms import COMPUTED_ONLY, NumberField, field_of
from assessments.services.flag_rounds import MONTH_PREFIX
from branches import indicators
from branches.forms import DayField

WAYS = (
    (MONTHS, _("months that met the condition ÷ months with data")),
    (SUM, _("the sum of the months")),
    (MEAN, _("the mean of the months")),
    (LAST, _("the last month")),
    (SPAN, _("one number for the whole round")),
)


NOT_ASKED = COMPUTED_ONLY | {"carried_forward", "may_be_not_applicable"}
"""Settings of a rule that say something about entering a month, not about a round."""

Entered = Sequence[tuple[str, str]]
"""Code and name of the indicators of the month that people enter."""


class _OfRound(forms.Form):
    """`base_version` of the round as its reader saw it; the service compares it."""

    wide: tuple[str, ...] = ()
    base_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, version: int, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={**(initial or {}), "base_version": version})


class RoundForm(forms.ModelForm):
    wide = ("document",)
    first_on = DayField(label=_("judged from"))
    last_on = DayField(label=_("judged to"))
    apply_by = DayField(label=_("applications until"))
    valid_to = DayField(label=_("flags valid until"), help_text=_("Usually the last day of the next round."))

    class Meta:
        model = FlagRound
        fields: tuple[str, ...] = (
            "name",
            "document",
            "title",
            "title_en",
            "first_on",
            "last_on",
            "apply_by",
            "valid_to",
            "notice_days",
            "panel_share",
            "panel_dropped",
        )


class NewRoundForm(RoundForm):
    """Settings that a copy brings along are not asked again."""

    class Meta(RoundForm.Meta):
        fields = ("name", "document", "first_on", "last_on", "apply_by", "valid_to")

    copy_of = forms.ModelChoiceField(
        FlagRound.objects.none(),
        label=_("begins as a copy of"),
        required=False,
        empty_label=_("the ready-to-use five flags"),
    )
    field_order = ("copy_of",)

    def __init__(self, *args: Any, rounds: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["copy_of"].queryset = rounds  # type: ignore[attr-defined]


class CategoryForm(_OfRound):
    code = forms.RegexField(
        r"^[A-Z][A-Z0-9]{0,5}$",
        label=_("Code"),
        help_text=_("The same in every round, such as F3. Lead departments are named by it."),
    )
    name = forms.CharField(label=_("name"), max_length=40)
    name_en = forms.CharField(label=_("English name"), max_length=80, required=False)
    lead = forms.CharField(label=_("lead department"), max_length=80)
    pass_line = NumberField(2, least=0, most=100, label=_("pass line"))
    quota = forms.IntegerField(
        label=_("at most this many flags"), min_value=1, max_value=9999, required=False, help_text=_("Empty: no quota.")
    )
    is_party_building = forms.BooleanField(
        label=_("flag for Party building"), required=False, help_text=_("Taken from a village that is listed as weak.")
    )

    @classmethod
    def for_row(cls, data: Any, row: FlagCategory | None, *, version: int) -> CategoryForm:
        stored = {name: getattr(row, name) for name in cls.base_fields if name != "base_version"} if row else {}
        line = plain(row.pass_line) if row else "80"
        return cls(data, version=version, initial={**stored, "pass_line": line})

    def clean_pass_line(self) -> Decimal:
        return Decimal(self.cleaned_data["pass_line"])


class CriterionForm(_OfRound):
    """A criterion or a gate; the settings of its rule follow the rule chosen, as for an indicator of the month."""

    wide = ("name", "definition", "source_code")
    code = forms.RegexField(
        r"^[A-Z][A-Z0-9-]{0,9}$", label=_("Code"), help_text=_("A capital letter, then letters, digits and dashes.")
    )
    is_gate = forms.BooleanField(
        label=_("gate"), required=False, help_text=_("Met or not; without points. Every gate must be met.")
    )
    name = forms.CharField(label=_("name"), max_length=120)
    name_en = forms.CharField(label=_("English name"), max_length=160, required=False)
    points = NumberField(1, least=0, most=100, label=pgettext_lazy("of a criterion", "points"), required=False)
    source = forms.ChoiceField(
        label=_("scored by"),
        choices=[
            ("S", _("computed by the system")),
            ("T", _("scored by the township")),
            ("D", _("scored by the lead department")),
        ],
    )
    definition = forms.CharField(
        label=_("Counting definition"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    source_code = forms.MultipleChoiceField(
        label=_("Computed from"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Several only where months are counted."),
    )
    over = forms.ChoiceField(label=_("over the months of the round"), choices=WAYS, required=False)
    met_from = NumberField(
        4,
        label=_("a month counts from"),
        required=False,
        help_text=_("The value that meets the condition; % for a share."),
    )
    is_share = forms.BooleanField(label=_("A share of something: counted part ÷ whole"), required=False)
    rule_type = forms.ChoiceField(
        label=_("Rule"), choices=[(name, RULE_LABELS[name]) for name in RULE_TYPES], required=False
    )
    at_least = NumberField(4, label=_("met from"), required=False)
    at_most = NumberField(4, label=_("met up to"), required=False)
    no_data = forms.ChoiceField(
        label=_("without data"),
        choices=[("", _("the department says whether it is met")), ("met", _("counts as met"))],
        required=False,
    )

    WHAT = ("code", "is_gate", "name", "name_en", "points", "source", "definition")
    COMPUTED = ("source_code", "over", "met_from", "is_share")
    GATE = ("at_least", "at_most", "no_data")

    def __init__(
        self,
        data: Any = None,
        *,
        version: int,
        row: FlagCriterion | None = None,
        suggested: str = "",
        entered: Entered = (),
    ) -> None:
        super().__init__(data, version=version, initial=_initial(row) if row else {"code": suggested, "source": "D"})
        self.fields["source_code"].choices = _sources(row, entered)  # type: ignore[attr-defined]
        chosen = self.data.get("rule_type") if self.is_bound else self.initial.get("rule_type")
        self.chosen_rule = chosen if chosen in RULE_TYPES else "ratio"
        self.settings_names = [item.name for item in PARAMETERS[self.chosen_rule] if item.name not in NOT_ASKED]
        stored = self.initial.get("parameters", {})
        for setting in PARAMETERS[self.chosen_rule]:
            if setting.name in self.settings_names:
                self.fields[f"p-{setting.name}"] = field_of(setting)
                self.fields[f"p-{setting.name}"].required = False
                self.initial[f"p-{setting.name}"] = stored.get(setting.name, setting.default)

    def group(self, name: str) -> list[forms.BoundField]:
        return [self[field] for field in getattr(self, name)]

    @property
    def what(self) -> list[forms.BoundField]:
        return self.group("WHAT")

    @property
    def computed(self) -> list[forms.BoundField]:
        return self.group("COMPUTED")

    @property
    def gate(self) -> list[forms.BoundField]:
        return self.group("GATE")

    @property
    def settings(self) -> list[forms.BoundField]:
        return [self[f"p-{name}"] for name in self.settings_names]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("is_gate") and not Decimal(values.get("points") or 0):
            self.add_error(
                "points", forms.ValidationError(gettext("A criterion needs points; a gate has none."), "points")
            )
        return values

    def row_values(self) -> dict[str, Any]:
        """What the service stores."""
        data = self.cleaned_data
        is_gate, is_computed = data["is_gate"], data["source"] == FlagCriterion.Source.SYSTEM
        row = {name: data[name] for name in ("code", "is_gate", "name", "name_en", "source", "definition")}
        row["points"] = Decimal(0) if is_gate else Decimal(data["points"])
        row["source_code"] = " ".join(data["source_code"]) if is_computed else ""
        row["rule_type"] = self.chosen_rule if is_computed and not is_gate else ""
        row["parameters"] = self._parameters(is_gate) if is_computed else {}
        return row

    def _parameters(self, is_gate: bool) -> dict[str, Any]:
        data = self.cleaned_data
        found: dict[str, Any] = {"over": data["over"] or LAST}
        if data["over"] == MONTHS and data["met_from"]:
            found["met_from"] = data["met_from"]
        if data["is_share"]:
            found["is_share"] = True
        if is_gate:
            return found | {name: data[name] for name in self.GATE if data[name]}
        for setting in PARAMETERS[self.chosen_rule]:
            value = data.get(f"p-{setting.name}")
            if setting.name in self.settings_names and value not in (None, "", setting.default):
                found[setting.name] = int(value) if setting.kind == "integer" else value
        return found


def _initial(row: FlagCriterion) -> dict[str, Any]:
    names = ("code", "is_gate", "name", "name_en", "points", "source", "definition", "rule_type", "parameters")
    stored = {name: getattr(row, name) for name in names} | {"points": plain(row.points)}
    settings = {name: row.parameters.get(name) for name in ("over", "met_from", "is_share", *CriterionForm.GATE)}
    return {**stored, **settings, "source_code": row.source_code.split()}


def _sources(row: FlagCriterion | None, entered: Entered) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen, in groups; what is chosen already stays, even if nothing computes it any more."""
    groups = [
        (gettext("Records of each month"), [(one.code, str(one.label)) for one in indicators.registered()]),
        (gettext("The whole round"), [(one.code, str(one.label)) for one in indicators.registered_spans()]),
        (gettext("Entered every month"), [(f"{MONTH_PREFIX}{code}", f"{code} {name}") for code, name in entered]),
    ]
    known = {code for _name, choices in groups for code, _label in choices}
    others = [(code, code) for code in (row.source_code.split() if row else []) if code not in known]
    return [*groups, *([(gettext("Chosen before"), others)] if others else [])]

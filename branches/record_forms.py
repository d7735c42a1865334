"""Forms of organisational life and village decisions, and the filters above their lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms.models import ModelChoiceIterator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from branches.forms import DayField, day_widget
from branches.models import Branch, Decision, OrganisationalLife, Unit
from branches.querysets import UnitQuerySet
from branches.scoping import STEP, rows_with
from branches.services import decisions, life
from branches.versions import VersionedFormMixin

Kind = OrganisationalLife.Kind

KIND_GROUPS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "meeting_and_lecture": (_("member meetings and lectures"), (Kind.MEMBER_MEETING, Kind.LECTURE)),
    "civility_or_volunteering": (_("civility and volunteering"), (Kind.CIVILITY, Kind.VOLUNTEERING)),
}
"""Kinds that an indicator counts together, as one choice of the filter."""


class MonthField(forms.DateField):
    """`2026-10`, as the browser's month picker writes it; the value is the first day."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m", attrs={"type": "month"})
        super().__init__(input_formats=["%Y-%m", "%Y年%m月"], widget=widget, **kwargs)


class GroupedIterator(ModelChoiceIterator):
    """Places under the name of their township, as groups of the select box."""

    def __iter__(self) -> Any:
        if self.field.empty_label is not None:
            yield ("", self.field.empty_label)
        rows = list(self.queryset)
        townships = {unit.path: unit.name for unit in Unit.objects.filter(path__in={_parent(row) for row in rows})}
        groups: dict[str, list[Any]] = {}
        for row in rows:
            groups.setdefault(townships.get(_parent(row), ""), []).append(self.choice(row))
        if len(groups) == 1:
            yield from next(iter(groups.values()))
        else:
            yield from groups.items()


def _parent(row: Model) -> str:
    unit = row if isinstance(row, Unit) else row.unit  # type: ignore[attr-defined]
    return str(unit.path[:-STEP])


class VillageChoice(forms.ModelChoiceField):
    iterator = GroupedIterator

    def label_from_instance(self, obj: Unit) -> str:
        return obj.short_name


class BranchChoice(forms.ModelChoiceField):
    """The village's name stands for its leading branch; others are named beside it."""

    iterator = GroupedIterator

    def label_from_instance(self, obj: Branch) -> str:
        return obj.unit.short_name if obj.is_leading else f"{obj.unit.short_name} · {obj.name}"


def branches_to_record_for(user: User, day: date) -> QuerySet[Branch]:
    """Organizations for which the user may record life."""
    rows = Branch.objects.existing_on(day).select_related("unit").order_by("unit__path", "-is_leading", "name")
    return rows_with(user, rows, "branches.add_organisationallife")


def villages_to_decide_for(user: User, day: date) -> QuerySet[Unit]:
    return rows_with(user, Unit.objects.villages().valid_on(day), "branches.add_decision")


class LifeForm(VersionedFormMixin, forms.ModelForm):
    """One meeting or activity. The organization is chosen once and stays."""

    branch = BranchChoice(Branch.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    held_on = DayField(label=_("held on"))

    class Meta:
        model = OrganisationalLife
        fields = ("branch", *life.FIELDS)
        widgets = {
            "due_count": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            "present_count": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            "excused_count": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            "content": forms.Textarea(attrs={"rows": 3}),
            "decisions": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["excused_count"].required = False
        if self.instance.pk:
            del self.fields["branch"]
        else:
            self.fields["branch"].queryset = branches_to_record_for(user, timezone.localdate())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        branch = self.cleaned_data.get("branch") or (self.instance.branch if self.instance.pk else None)
        if branch is not None and self.cleaned_data.get("held_on"):
            _add(self, lambda: life.check_life(branch, self.cleaned_data, today=timezone.localdate()))
        return cleaned

    def clean_excused_count(self) -> int:
        return self.cleaned_data["excused_count"] or 0


class DecisionForm(VersionedFormMixin, forms.ModelForm):
    """A matter of a village with the days of its six steps."""

    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    decided_on = DayField(label=_("date of the matter"), help_text=_("It is assessed in the month of this day."))

    class Meta:
        model = Decision
        fields = ("unit", *decisions.FIELDS)
        widgets = {"origin": forms.RadioSelect, **{step: day_widget() for step in Decision.STEPS}}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["unit"]
        else:
            self.fields["unit"].queryset = villages_to_decide_for(user, timezone.localdate())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        _add(self, lambda: decisions.check_decision(self.cleaned_data, today=timezone.localdate()))
        return cleaned

    @property
    def steps(self) -> list[forms.BoundField]:
        return [self[step] for step in Decision.STEPS]


class VoidForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=200, widget=forms.TextInput(attrs={"size": 60}))


def _add(form: forms.BaseForm, check: Any) -> None:
    """Puts what the service's own check says to the fields of the form; what is at fault already stays."""
    try:
        check()
    except ValidationError as error:
        known = {name: errors for name, errors in error.error_dict.items() if name not in form.errors}
        if known:
            form.add_error(None, ValidationError(known))


# --- Filters --------------------------------------------------------------------------------


class FilterForm(forms.Form):
    """Conditions above a list: a select sends the form when it changes, a button sends the rest."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter_%s")
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs |= {"class": "p-select is-auto", "data-auto-submit": ""}
            elif not field.widget.is_hidden:
                field.widget.attrs["class"] = "p-input is-auto"

    @property
    def is_narrowed(self) -> bool:
        """Whether any condition but the month is set."""
        return any(self.data.get(name) for name in self.fields if name != "month")


class PlaceFilter(FilterForm):
    """Township and village, as far as the reader sees more than one."""

    township = forms.ModelChoiceField(Unit.objects.none(), label=_("Township"), required=False, empty_label=_("all"))
    village = VillageChoice(Unit.objects.none(), label=_("Village"), required=False, empty_label=_("all"))

    def __init__(self, data: Any, *, user: User, permission: str) -> None:
        super().__init__(data)
        units: UnitQuerySet = rows_with(user, Unit.objects.all(), permission)
        townships = units.townships()
        self.fields["township"].queryset = townships  # type: ignore[attr-defined]
        self.fields["village"].queryset = units.villages()  # type: ignore[attr-defined]
        self.has_townships = len(townships[:2]) > 1
        if not self.has_townships:
            del self.fields["township"]

    def under(self, rows: QuerySet[Any], path: str = "path") -> QuerySet[Any]:
        """Rows at the chosen place, none when the choice is not the reader's."""
        if not self.is_valid():
            return rows.none()
        for name in ("township", "village"):
            place = self.cleaned_data.get(name)
            if place is not None:
                rows = rows.filter(**{f"{path}__startswith": place.path})
        return rows


class LifeFilter(PlaceFilter):
    STATES = (("", _("all")), ("faulty", _("incomplete or late")), ("void", _("void")))

    month = MonthField(label=_("Month"), required=False)
    months = forms.IntegerField(required=False, min_value=1, max_value=12, widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    state = forms.ChoiceField(label=_("Records"), required=False, choices=STATES)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="branches.view_organisationallife")
        groups = [(code, label) for code, (label, _kinds) in KIND_GROUPS.items()]
        self.fields["kind"].choices = [("", _("all")), *Kind.choices, *groups]  # type: ignore[attr-defined]

    def kinds(self) -> Iterable[str]:
        """Kinds chosen, empty for all."""
        kind = self.cleaned_data.get("kind", "")
        if kind in KIND_GROUPS:
            return KIND_GROUPS[kind][1]
        return (kind,) if kind else ()


class DecisionFilter(PlaceFilter):
    STATES = (("", _("all")), ("open", _("steps missing")), ("void", _("void")))

    month = MonthField(label=_("Month"), required=False)
    state = forms.ChoiceField(label=_("Records"), required=False, choices=STATES)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="branches.view_decision")


class VillageFilter(PlaceFilter):
    q = forms.CharField(label=_("Name begins with"), required=False, max_length=20)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="branches.view_village")
        del self.fields["village"]

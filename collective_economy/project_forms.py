"""Forms of projects: the plan in groups, villages with their percents, money in 万元, the steps of the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from branches.forms import DayField
from branches.models import Decision, Unit
from branches.record_forms import PlaceFilter
from branches.scoping import STEP, rows_for, rows_with
from branches.versions import VersionedFormMixin
from collective_economy import stages
from collective_economy.amounts import WanField, wan_text
from collective_economy.models import (
    BusinessModel,
    FundSource,
    Milestone,
    Programme,
    Project,
    ProjectShare,
    ReviewOpinion,
    Stage,
)
from collective_economy.models.programmes import SUPPORT
from collective_economy.programme_forms import SOURCE, AmountsMixin
from collective_economy.project_lists import late_on
from collective_economy.sharing import WHOLE, allocate

if TYPE_CHECKING:
    from accounts.models import User

OWN_SOURCES = tuple(source for source in FundSource if source not in SUPPORT)
BLANK_ROWS = 3
MOST_VILLAGES = 60
MOST_ITEMS = 40
WAN_FIELDS = {
    "expected_income": _("expected yearly income (10 000 yuan)"),
    "actual_cost": _("actual cost (10 000 yuan)"),
    "actual_income": _("actual yearly income (10 000 yuan)"),
}


class WanModelForm(VersionedFormMixin, forms.ModelForm):
    """Fields of a project; amounts are typed in 万元, days by the browser's picker. The service writes."""

    class Meta:
        model = Project
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in list(self.fields.items()):
            if name in WAN_FIELDS:
                self.fields[name] = WanField(label=WAN_FIELDS[name], required=False)
            elif isinstance(field, forms.DateField):
                self.fields[name] = DayField(label=field.label, required=field.required, help_text=field.help_text)
        for name in WAN_FIELDS.keys() & self.fields.keys():
            self.initial[name] = getattr(self.instance, name)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in WAN_FIELDS.keys() & self.fields.keys():
            if (self.cleaned_data.get(name) or 0) < 0:
                self.add_error(name, ValidationError(gettext("An amount is not below 0."), "negative"))
        return cleaned

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}

    def _stored(self, name: str) -> Any:
        if name in WAN_FIELDS:
            return wan_text(self.initial.get(name)) or gettext("(empty)")
        return super()._stored(name)


class PlanForm(WanModelForm):
    """What a project is to be."""

    GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (_("What it is"), ("number", "year", "name", "programme", "business_model", "line", "location", "need")),
        (
            _("Who is behind it"),
            ("lead_unit", "responsible_name", "responsible_phone", "partner", "partner_number", "decision"),
        ),
        (
            _("Plan and benefit"),
            (
                "start_on", "finish_on", "expected_income", "household_count", "job_count", "benefit_sharing",
                "collective_percent",
            ),
        ),
        (_("Risk"), ("risk", "risk_note")),
    )  # fmt: skip
    WIDE = frozenset({"need", "benefit_sharing", "risk_note"})

    class Meta(WanModelForm.Meta):
        fields = (
            "number", "year", "name", "programme", "business_model", "line", "location", "need", "lead_unit",
            "responsible_name", "responsible_phone", "partner", "partner_number", "decision", "start_on", "finish_on",
            "expected_income", "household_count", "job_count", "benefit_sharing", "collective_percent", "risk",
            "risk_note",
        )  # fmt: skip
        widgets = {"need": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        programmes = rows_for(user, Programme).filter(confirmed_by__isnull=False).order_by("-year", "name")
        decisions = rows_for(user, Decision).filter(is_void=False).select_related("unit").order_by("-decided_on", "pk")
        if self.instance.pk:
            villages = self.instance.shares.values("unit")
            decisions = decisions.filter(unit__in=villages)
            programmes = programmes | rows_for(user, Programme).filter(pk=self.instance.programme_id)
        else:
            del self.fields["decision"]
        self.fields["programme"].queryset = programmes  # type: ignore[attr-defined]
        if "decision" in self.fields:
            self.fields["decision"] = DecisionChoice(
                decisions, label=_("village decision"), required=False, empty_label=_("none yet")
            )
        self.fields["year"].initial = timezone.localdate().year
        self.fields["collective_percent"].min_value = Decimal(0)  # type: ignore[attr-defined]
        if self.instance.stage not in ("pool", "apply"):
            for name in set(self.fields) - {"base_version", "programme", *WORDS_BEFORE_APPROVAL}:
                self.fields[name].disabled = True
            if self.instance.stage not in ("review", "approve"):
                self.fields["programme"].disabled = True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        start, finish = self.cleaned_data.get("start_on"), self.cleaned_data.get("finish_on")
        if start and finish and finish < start:
            self.add_error("finish_on", ValidationError(gettext("The finish lies on or after the start."), "order"))
        percent = self.cleaned_data.get("collective_percent")
        if percent is not None and not 0 <= percent <= WHOLE:
            self.add_error("collective_percent", ValidationError(gettext("A share lies between 0 and 100."), "range"))
        return cleaned

    @property
    def groups(self) -> list[tuple[Any, list[tuple[forms.BoundField, bool]]]]:
        """Heading, and its fields, each with whether it takes the whole line."""
        return [
            (heading, [(self[name], name in self.WIDE) for name in names if name in self.fields])
            for heading, names in self.GROUPS
        ]


WORDS_BEFORE_APPROVAL = (
    "location", "lead_unit", "responsible_name", "responsible_phone", "partner", "partner_number",
)  # fmt: skip


class DecisionChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Decision) -> str:
        return f"{obj.unit.short_name} · {obj.matter} · {obj.decided_on:%Y-%m-%d}"


# --- Villages ---------------------------------------------------------------------------------


class SharesForm(VersionedFormMixin, forms.Form):
    """Villages that take part, each with its percent: a row for each, and some blank ones."""

    def __init__(self, *args: Any, user: User, project: Project | None = None, **kwargs: Any) -> None:
        self.instance = project
        super().__init__(*args, **kwargs)
        villages = rows_with(
            user, Unit.objects.villages().valid_on(timezone.localdate()), "collective_economy.add_project"
        )
        held = list(project.shares.select_related("unit").order_by("path")) if project else []
        self.villages = {unit.pk: unit for unit in [*villages, *(share.unit for share in held)]}
        choices = self._choices()
        self.row_count = self._row_count(len(held))
        for number in range(self.row_count):
            self.fields[f"village_{number}"] = forms.TypedChoiceField(
                label=_("Village"), choices=choices, required=False, coerce=int, empty_value=None
            )
            self.fields[f"percent_{number}"] = forms.DecimalField(
                label=_("share (%)"), required=False, max_digits=7, decimal_places=4,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            )  # fmt: skip
            if number < len(held):
                self.initial[f"village_{number}"] = held[number].unit_id
                self.initial[f"percent_{number}"] = held[number].percent.normalize()

    def _row_count(self, held: int) -> int:
        if not self.is_bound:
            return min(max(held + BLANK_ROWS, 1 + BLANK_ROWS), MOST_VILLAGES)
        count = 0
        while self.add_prefix(f"village_{count}") in self.data and count < MOST_VILLAGES:
            count += 1
        return max(count, 1)

    def _choices(self) -> list[Any]:
        """Villages by township, as groups of the select box. One query for all rows."""
        names = dict(
            Unit.objects.filter(path__in={unit.path[:-STEP] for unit in self.villages.values()}).values_list(
                "path", "name"
            )
        )
        groups: dict[str, list[tuple[int, str]]] = {}
        for unit in sorted(self.villages.values(), key=lambda each: each.path):
            groups.setdefault(names.get(unit.path[:-STEP], ""), []).append((unit.pk, unit.short_name))
        return [("", "—"), *groups.items()]

    @property
    def rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"village_{number}"], self[f"percent_{number}"]) for number in range(self.row_count)]

    def chosen(self) -> list[Unit]:
        keys = [self.cleaned_data.get(f"village_{number}") for number in range(self.row_count)]
        return [self.villages[key] for key in keys if key]

    def shares(self) -> dict[Unit, Decimal]:
        """Village -> percent; one without a percent counts as 0, which the service refuses."""
        found: dict[Unit, Decimal] = {}
        for number in range(self.row_count):
            key = self.cleaned_data.get(f"village_{number}")
            if key:
                found[self.villages[key]] = self.cleaned_data.get(f"percent_{number}") or Decimal(0)
        return found

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        seen: set[int] = set()
        for number in range(self.row_count):
            key = self.cleaned_data.get(f"village_{number}")
            if key and key in seen:
                self.add_error(
                    f"village_{number}", ValidationError(gettext("This village stands above already."), "twice")
                )
            if not key and self.cleaned_data.get(f"percent_{number}"):
                self.add_error(
                    f"village_{number}", ValidationError(gettext("Choose the village of this share."), "no_village")
                )
            seen.add(key or 0)
        return cleaned

    def equal(self) -> dict[str, str]:
        """What to fill in so that all chosen villages have the same part; the first ones take what does not divide."""
        keys = [key for number in range(self.row_count) if (key := self.data.get(self.add_prefix(f"village_{number}")))]
        filled = {}
        parts = iter(allocate(WHOLE, [Decimal(1)] * len(keys)))
        for number in range(self.row_count):
            if self.data.get(self.add_prefix(f"village_{number}")):
                filled[self.add_prefix(f"percent_{number}")] = f"{next(parts).normalize():f}"
        return filled

    def _stored(self, name: str) -> Any:
        value = self.initial.get(name)
        if name.startswith("village_") and value in self.villages:
            return self.villages[value].name
        return value if value is not None else gettext("(empty)")


# --- Money ------------------------------------------------------------------------------------


class BudgetMixin(forms.Form):
    """Budget items with their 万元: a row for each, and some blank ones."""

    def add_items(self, held: Mapping[str, Decimal]) -> None:
        self.item_count = self._item_count(len(held))
        rows = list(held.items())
        for number in range(self.item_count):
            self.fields[f"item_{number}"] = forms.CharField(label=_("budget item"), max_length=60, required=False)
            self.fields[f"money_{number}"] = WanField(label=_("budget (10 000 yuan)"), required=False)
            if number < len(rows):
                self.initial[f"item_{number}"], self.initial[f"money_{number}"] = rows[number]

    def _item_count(self, held: int) -> int:
        if not self.is_bound:
            return min(held + BLANK_ROWS, MOST_ITEMS)
        count = 0
        while self.add_prefix(f"item_{count}") in self.data and count < MOST_ITEMS:
            count += 1
        return count

    @property
    def item_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"item_{number}"], self[f"money_{number}"]) for number in range(self.item_count)]

    def items(self) -> list[tuple[str, Decimal]]:
        typed = [
            (self.cleaned_data.get(f"item_{number}", ""), self.cleaned_data.get(f"money_{number}"))
            for number in range(self.item_count)
        ]
        return [(item.strip(), amount or Decimal(0)) for item, amount in typed if item or amount]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for number in range(self.item_count):
            item, amount = self.cleaned_data.get(f"item_{number}"), self.cleaned_data.get(f"money_{number}")
            if amount and not item:
                self.add_error(f"item_{number}", ValidationError(gettext("Name this budget item."), "no_item"))
            if item and not amount and f"money_{number}" not in self.errors:
                words = gettext("The amount of a budget item is above 0.")
                self.add_error(f"money_{number}", ValidationError(words, "negative"))
        return cleaned


class MoneyForm(VersionedFormMixin, AmountsMixin, BudgetMixin, forms.Form):
    """Money asked for by source, by when the own money is there, and what it is planned for."""

    sources = tuple(FundSource)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        self.instance = project
        super().__init__(*args, **kwargs)
        held = {row.source: row for row in project.sources.all()}
        self.add_amounts({source: row.requested for source, row in held.items()})
        for source in OWN_SOURCES:
            self.fields[f"due_{source.value}"] = DayField(label=_("to be there by"), required=False)
            self.initial[f"due_{source.value}"] = held[source].due_on if source in held else None
        self.add_items({line.item: line.amount for line in project.budget.all()})

    @property
    def source_rows(self) -> list[tuple[forms.BoundField, forms.BoundField | None]]:
        due = {source.value for source in OWN_SOURCES}
        return [
            (self[SOURCE.format(source.value)], self[f"due_{source.value}"] if source.value in due else None)
            for source in self.sources
        ]

    def due_on(self) -> dict[str, date]:
        days = {source.value: self.cleaned_data.get(f"due_{source.value}") for source in OWN_SOURCES}
        return {source: day for source, day in days.items() if day}

    def _stored(self, name: str) -> Any:
        return _told(self.initial.get(name))


def _told(value: Any) -> Any:
    return wan_text(value) if isinstance(value, Decimal) else value if value not in (None, "") else gettext("(empty)")


# --- Steps ------------------------------------------------------------------------------------


class ProgressForm(WanModelForm):
    class Meta(WanModelForm.Meta):
        fields = (
            "progress_percent", "progress_note", "procurement", "started_on", "partner", "partner_number",
            "responsible_name", "responsible_phone",
        )  # fmt: skip


class AcceptanceForm(WanModelForm):
    class Meta(WanModelForm.Meta):
        fields = ("accepted_on", "acceptance_panel", "actual_cost", "acceptance_problems", "acceptance_closed_on")
        widgets = {"acceptance_problems": forms.Textarea(attrs={"rows": 3})}


class EvaluationForm(WanModelForm):
    class Meta(WanModelForm.Meta):
        fields = ("evaluated_on", "actual_income", "actual_job_count", "satisfaction_percent")

    def clean_satisfaction_percent(self) -> Decimal | None:
        percent: Decimal | None = self.cleaned_data["satisfaction_percent"]
        if percent is not None and not 0 <= percent <= WHOLE:
            raise ValidationError(gettext("A share lies between 0 and 100."), "range")
        return percent


class AuditForm(WanModelForm):
    class Meta(WanModelForm.Meta):
        fields = ("audited_on",)


class MilestoneForm(forms.ModelForm):
    due_on = DayField(label=_("due on"))

    class Meta:
        model = Milestone
        fields = ("name", "due_on")


class MilestoneDoneForm(forms.Form):
    done_on = DayField(label=_("done on"))
    note = forms.CharField(label=_("note"), max_length=200, required=False)


class OpinionForm(forms.ModelForm):
    on = DayField(label=_("reviewed on"))
    agrees = forms.TypedChoiceField(
        label=_("opinion in short"),
        choices=[("yes", _("agrees")), ("no", _("does not agree"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )

    class Meta:
        model = ReviewOpinion
        fields = ("department", "reviewer", "on", "score", "agrees", "opinion")

    def clean_score(self) -> Decimal:
        score: Decimal = self.cleaned_data["score"]
        if not 0 <= score <= WHOLE:
            raise ValidationError(gettext("Points lie between 0 and 100."), "range")
        return score

    def clean_on(self) -> date:
        return not_to_come(self.cleaned_data["on"])


def not_to_come(day: date) -> date:
    if day > timezone.localdate():
        raise ValidationError(gettext("This day is still to come."), "in_future")
    return day


class ReasonForm(forms.Form):
    note = forms.CharField(label=_("reason"), max_length=200)


class StopForm(forms.Form):
    document = forms.CharField(label=_("document of the stop"), max_length=120)
    reason = forms.CharField(label=_("reason"), max_length=200)


class ApprovalForm(AmountsMixin, forms.Form):
    """The county's decision, prefilled with what was asked for."""

    sources = tuple(FundSource)
    document = forms.CharField(label=_("document of approval"), max_length=120)
    plan_code = forms.CharField(label=_("plan code"), max_length=40, required=False)
    notice_from = DayField(label=_("notice from"))
    notice_to = DayField(label=_("notice to"), help_text=_("The approval comes after the last day of the notice."))

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_amounts({row.source: row.requested for row in project.sources.all()})


class ChangeForm(AmountsMixin, BudgetMixin, forms.Form):
    """Another finish, other money or items, or another content of an approved project."""

    sources = tuple(FundSource)
    what = forms.CharField(label=_("what changes"), max_length=200)
    reason = forms.CharField(label=_("reason"), max_length=200)
    document = forms.CharField(label=_("document number"), max_length=120, required=False)
    finish_on = DayField(label=_("planned finish"), required=False)
    expected_income = WanField(label=WAN_FIELDS["expected_income"], required=False)
    percent = forms.DecimalField(
        label=_("extent of the change of content (%)"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        required=False,
        help_text=_("As the county judges it. What changes in money, items and time is computed."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.approved = {row.source: row.approved for row in project.sources.all() if row.approved}
        self.budget = {line.item: line.amount for line in project.budget.all()}
        self.initial.update({"finish_on": project.finish_on, "expected_income": project.expected_income})
        self.add_amounts(self.approved)
        self.add_items(self.budget)

    def clean_finish_on(self) -> date | None:
        finish: date | None = self.cleaned_data["finish_on"]
        if finish is None:
            return self.project.finish_on
        if self.project.start_on and finish < self.project.start_on:
            raise ValidationError(gettext("The finish lies on or after the start."), "order")
        return finish

    def values(self) -> dict[str, Any]:
        new = {name: self.cleaned_data[name] for name in ("finish_on", "expected_income")}
        return {name: value for name, value in new.items() if value != getattr(self.project, name)}

    def requested(self) -> dict[str, Decimal] | None:
        """None where the money stays as it was approved."""
        return None if self.amounts() == self.approved else self.amounts()

    def budget_lines(self) -> list[tuple[str, Decimal]] | None:
        """None where the items stay."""
        return None if dict(self.items()) == self.budget else self.items()

    @property
    def changes_nothing(self) -> bool:
        return not (self.values() or self.requested() or self.budget_lines() or self.cleaned_data["percent"])


# --- Conditions above the list ----------------------------------------------------------------


class ProjectFilter(PlaceFilter):
    programme = forms.ModelChoiceField(
        Programme.objects.none(), label=_("Programme"), required=False, empty_label=_("all")
    )
    stage = forms.ChoiceField(label=_("Stage"), required=False)
    model = forms.ChoiceField(
        label=_("Business model"), required=False, choices=[("", _("all")), *BusinessModel.choices]
    )
    late = forms.ChoiceField(label=_("Late"), required=False, choices=[("", _("all")), ("1", _("late only"))])
    year = forms.IntegerField(required=False, min_value=1900, max_value=2200, widget=forms.HiddenInput)
    STAGES = (
        ("", _("all")),
        ("open", _("under way")),
        ("work", _("being built")),
        *Stage.choices,
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="collective_economy.view_project")
        self.fields["programme"].queryset = rows_for(user, Programme).order_by("-year", "name")  # type: ignore[attr-defined]
        self.fields["stage"].choices = self.STAGES  # type: ignore[attr-defined]

    def shown(self, rows: Any, day: date) -> Any:
        """Projects that fit; a joint project lies at the place of each of its villages."""
        if not self.is_valid():
            return rows.none()
        given = self.cleaned_data
        for name in ("township", "village"):
            place = given.get(name)
            if place is not None:
                parts = ProjectShare.objects.filter(path__startswith=place.path)
                rows = rows.filter(pk__in=parts.values("project"))
        if given["programme"]:
            rows = rows.filter(programme=given["programme"])
        stage = given.get("stage")
        if stage == "open":
            rows = rows.filter(stage__in=stages.ORDER)
        elif stage == "work":
            rows = rows.filter(stage__in=stages.IN_WORK)
        elif stage:
            rows = rows.filter(stage=stage)
        if given["model"]:
            rows = rows.filter(business_model=given["model"])
        if given["year"]:
            rows = rows.filter(year=given["year"])
        return rows.filter(late_on(day)) if given["late"] else rows

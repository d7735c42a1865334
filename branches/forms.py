"""Forms of places: what of the tree, the cards and the classes can be written, field by field."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from branches.models import Unit, Village, VillageClass
from branches.versions import VersionedFormMixin


def day_widget() -> forms.DateInput:
    """The browser's own date picker; the value must be written the way the picker reads it."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class DayField(forms.DateField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", day_widget())
        super().__init__(**kwargs)


class UnitForm(VersionedFormMixin, forms.ModelForm):
    """Name and code of a unit, with the reason of the change."""

    reason = forms.CharField(
        label=_("reason"), max_length=200, required=False, help_text=_("Such as the number of the approval.")
    )

    class Meta:
        model = Unit
        fields = ("name", "code")
        labels = {"code": _("division code")}


class AddUnitForm(forms.Form):
    """A new unit under one that exists."""

    parent = forms.ModelChoiceField(Unit.objects.none(), label=_("belongs to"))
    name = forms.CharField(label=_("name"), max_length=60)
    code = forms.RegexField(
        r"^\d{2,12}$",
        label=_("division code"),
        required=False,
        help_text=_("12 digits for a village; may be added later."),
    )
    first_day = DayField(label=_("valid from"), help_text=_("The first day of a month."))

    def __init__(self, *args: Any, parents: QuerySet[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"].queryset = parents  # type: ignore[attr-defined]


class CloseUnitForm(forms.Form):
    first_day = DayField(label=_("first day without it"), help_text=_("The first day of a month."))
    reason = forms.CharField(label=_("reason"), max_length=200, help_text=_("Such as the number of the approval."))


class MergeForm(forms.Form):
    """Villages of the same township that go into this one."""

    villages = forms.ModelMultipleChoiceField(
        Unit.objects.none(), label=_("villages that go into it"), widget=forms.CheckboxSelectMultiple
    )
    first_day = DayField(label=_("as one village from"), help_text=_("The first day of a month."))
    reason = forms.CharField(label=_("reason"), max_length=200, help_text=_("Such as the number of the approval."))

    def __init__(self, *args: Any, others: QuerySet[Unit], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["villages"].queryset = others  # type: ignore[attr-defined]


class ClassForm(forms.Form):
    """Class and starting band of a village from a day on."""

    kind = forms.ChoiceField(label=_("village class"), choices=VillageClass.Kind)
    band = forms.ChoiceField(label=_("starting band"), choices=VillageClass.Band)
    first_day = DayField(label=_("valid from"), help_text=_("The first day of a month."))
    reason = forms.CharField(label=_("reason"), max_length=200, required=False)


class VillageForm(VersionedFormMixin, forms.ModelForm):
    """The figures of a village's card; with the day from which a new number of approved posts holds."""

    posts_since = DayField(
        label=_("the new number of posts holds from"),
        required=False,
        help_text=_("Only when the approved posts change. Empty: from today."),
    )

    class Meta:
        model = Village
        fields = (
            "group_count",
            "natural_village_count",
            "household_count",
            "population",
            "member_count",
            "dues_member_count",
            "representative_count",
            "approved_post_count",
            "farmland_mu",
            "forest_mu",
            "operating_assets",
            "last_year_income",
            "last_year_operating_income",
        )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        due, members = self.cleaned_data.get("dues_member_count"), self.cleaned_data.get("member_count")
        if due is not None and members is not None and due > members:
            self.add_error(
                "dues_member_count",
                forms.ValidationError(_("More members are due to pay than there are members."), "over_members"),
            )
        operating, income = (
            self.cleaned_data.get("last_year_operating_income"),
            self.cleaned_data.get("last_year_income"),
        )
        if operating is not None and income is not None and operating > income:
            self.add_error(
                "last_year_operating_income", forms.ValidationError(_("More than the whole income."), "over_income")
            )
        return cleaned


def units_under(user: User, kinds: tuple[str, ...], day: date, action: str = "view") -> QuerySet[Unit]:
    """Units of these kinds that exist on `day`, within the user's scope for `action`."""
    return Unit.objects.for_user(user, action).valid_on(day).filter(kind__in=kinds)

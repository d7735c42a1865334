"""Forms of pay: rates and rules as people enter them, the filter of lines, the list of the finance office."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from assessments.models import FlagCategory, Grade, PayLine, PayRules, RoleGroup, UpliftRate
from assessments.pay import OTHER_POSTS
from assessments.services.pay_terms import NewRate, NewRules
from branches.models import Unit
from branches.record_forms import MonthField, PlaceFilter
from cadres.models import Posting

if TYPE_CHECKING:
    from accounts.models import User

Post = Posting.Post
POST_CHOICES = [(post.value, post.label) for post in Post if post.value in OTHER_POSTS]
COMMITTEE = [Post.DEPUTY_SECRETARY, Post.DEPUTY_DIRECTOR, Post.BRANCH_MEMBER, Post.COMMITTEE_MEMBER]
SHARES = {"excellent": "1.2", "competent": "1", "basically_competent": "0.8", "incompetent": "0"}


class TermsForm(forms.Form):
    """What rates and rules share: from when, by which document, and whether an earlier month is meant on purpose."""

    valid_from = MonthField(label=_("from month"))
    document = forms.CharField(label=_("document number"), max_length=120)
    is_correction = forms.BooleanField(
        label=_("This corrects months that the finance office has already"),
        required=False,
        help_text=_("Their differences then stand on the next sheets, with the reason."),
    )


class RatesForm(TermsForm):
    """Amounts for the three role groups at once; an empty one stays as it is."""

    kind = forms.ChoiceField(label=_("kind"), choices=UpliftRate.Kind)
    code = forms.ChoiceField(label=_("flag category"), required=False)
    secretary = forms.DecimalField(
        label=_("Secretary (yuan)"), max_digits=10, decimal_places=2, min_value=0, required=False
    )
    director = forms.DecimalField(
        label=_("Director (yuan)"), max_digits=10, decimal_places=2, min_value=0, required=False
    )
    other = forms.DecimalField(
        label=_("Other members (yuan)"), max_digits=10, decimal_places=2, min_value=0, required=False
    )
    field_order = ("kind", "code", "secretary", "director", "other", "valid_from", "document", "is_correction")

    def __init__(self, *args: Any, county: Unit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = FlagCategory.objects.filter(round__path=county.path).order_by("round__first_on", "sort")
        names = dict(rows.values_list("code", "name"))
        choices = [("", _("every category")), *((code, f"{code} {name}") for code, name in sorted(names.items()))]
        self.fields["code"].choices = choices  # type: ignore[attr-defined]

    def rates(self) -> list[NewRate]:
        given = self.cleaned_data
        return [
            NewRate(kind=given["kind"], role_group=group, code=given["code"], amount=given[group])
            for group in RoleGroup.values
            if given.get(group) is not None
        ]


def _share(label: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, max_digits=4, decimal_places=2, min_value=0, max_value=10)


class RulesForm(TermsForm):
    deciding_day = forms.IntegerField(
        label=_("day that decides the post"),
        min_value=1,
        max_value=28,
        help_text=_("Who holds a post on this day is paid for the whole month by it."),
    )
    starts = forms.ChoiceField(label=_("pay begins"), choices=PayRules.Starts)
    stops = forms.ChoiceField(label=_("pay ends"), choices=PayRules.Stops)
    other_posts = forms.TypedMultipleChoiceField(
        label=_("posts paid as other members"),
        choices=POST_CHOICES,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    within_approved_posts = forms.BooleanField(label=_("only posts inside the approved number"), required=False)
    excellent = _share(Grade.EXCELLENT.label)
    competent = _share(Grade.COMPETENT.label)
    basically_competent = _share(Grade.BASICALLY_COMPETENT.label)
    incompetent = _share(Grade.INCOMPETENT.label)
    performance_month = forms.IntegerField(
        label=_("month of the following year in which performance pay is paid"), min_value=1, max_value=12
    )
    budget = forms.DecimalField(
        label=_("budget of a year (yuan)"), max_digits=14, decimal_places=2, min_value=0, required=False
    )
    field_order = (
        "deciding_day", "starts", "stops", "other_posts", "within_approved_posts", *SHARES, "performance_month",
        "budget", "valid_from", "document", "is_correction",
    )  # fmt: skip

    @property
    def shares(self) -> list[forms.BoundField]:
        return [self[name] for name in SHARES]

    def rules(self) -> NewRules:
        given = self.cleaned_data
        names = (
            "deciding_day", "starts", "stops", "other_posts", "within_approved_posts", "performance_month", "budget",
        )  # fmt: skip
        return NewRules(grade_shares={grade: given[grade] for grade in SHARES}, **{name: given[name] for name in names})


def initial_rules(last: PayRules | None, month: date) -> dict[str, Any]:
    """The rules that hold, for whoever changes one thing; without any, the handbook's."""
    if last is None:
        return {
            "deciding_day": 1,
            "starts": PayRules.Starts.NEXT_MONTH,
            "stops": PayRules.Stops.NEXT_MONTH,
            "other_posts": [int(post) for post in COMMITTEE],
            "within_approved_posts": True,
            "performance_month": 1,
            "valid_from": month,
            **SHARES,
        }
    names = ("deciding_day", "starts", "stops", "other_posts", "within_approved_posts", "performance_month", "budget")
    shares = {grade: last.grade_shares.get(grade, "0") for grade in SHARES}
    return {**{name: getattr(last, name) for name in names}, **shares, "valid_from": month}


class LineFilter(PlaceFilter):
    """Conditions above the list of lines."""

    month = MonthField(label=_("Month"), required=False)
    payment = forms.ChoiceField(label=_("Payment"), required=False, choices=[("", _("all")), *PayLine.Payment.choices])
    note = forms.ChoiceField(label=pgettext_lazy("pay", "Remark"), required=False)
    earlier = forms.ChoiceField(
        label=_("For month"), required=False, choices=[("", _("all")), ("1", _("earlier months only"))]
    )
    field_order = ("month", "township", "village", "earlier", "payment", "note")

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="assessments.view_payline")
        notes = [(value, label) for value, label in PayLine.Note.choices if value]
        self.fields["note"].choices = [("", _("all")), *notes]  # type: ignore[attr-defined]


class ReadBackForm(forms.Form):
    """The list that the finance office sent back."""

    file = forms.FileField(
        label=_("list of the finance office"),
        help_text=_("The workbook that was handed over with its last three columns filled in, or a list of its own."),
    )


def yuan_of(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)

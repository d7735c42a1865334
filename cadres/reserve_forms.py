"""Forms of the reserve: conditions above its pages, nomination, the next step, assessment, limits."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from branches.forms import DayField
from branches.models import Unit
from branches.record_forms import MonthField, PlaceFilter, VillageChoice
from branches.scoping import rows_with
from branches.versions import VersionedFormMixin
from cadres import education
from cadres.models import PeopleLimits, Person, Posting, ReserveAssessment, ReserveCadre
from cadres.services.reserve import FIELDS, Move

PERMISSION = "cadres.view_reservecadre"

AGES = (
    ("", _("all")),
    ("35", _("35 and under")),
    ("45", _("36 to 45")),
    ("55", _("46 to 55")),
    ("56", _("56 and over")),
    ("over", _("from the age of removal")),
    ("unknown", pgettext_lazy("age", "unknown")),
)
SCHOOLING = (
    ("", _("all")),
    ("college", _("college and above")),
    ("senior", _("senior secondary and the like")),
    ("below", _("below senior secondary")),
    ("unknown", pgettext_lazy("education", "unknown")),
)


class OnDayFilter(PlaceFilter):
    """A place and the day it is looked at."""

    on = DayField(label=_("As of"), required=False)

    def __init__(self, data: Any, *, user: User, permission: str = PERMISSION) -> None:
        data = data.copy()
        data.setdefault("on", timezone.localdate().isoformat())
        super().__init__(data, user=user, permission=permission)
        self.order_fields(["on", "township", "village"])

    @property
    def day(self) -> date:
        """The day looked at; today when none is given or what is given is no day."""
        return (self.cleaned_data.get("on") if self.is_valid() else None) or timezone.localdate()

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in self.fields if name not in ("on", "first", "last"))

    @property
    def place(self) -> Unit | None:
        """The village or township chosen."""
        if not self.is_valid():
            return None
        chosen: Unit | None = self.cleaned_data.get("village") or self.cleaned_data.get("township")
        return chosen

    @property
    def place_path(self) -> str:
        return self.place.path if self.place else ""


class ReserveFilter(OnDayFilter):
    STATES = (("", _("in the reserve")), ("stock", _("in stock (on record)")), ("left", _("have left")))

    state = forms.ChoiceField(label=_("Which entries"), required=False, choices=STATES)
    stage = forms.ChoiceField(label=_("Stage"), required=False)
    age = forms.ChoiceField(label=_("Age"), required=False, choices=AGES)
    schooling = forms.ChoiceField(label=_("Education"), required=False, choices=SCHOOLING)
    source = forms.ChoiceField(label=_("Source"), required=False)

    def __init__(self, data: Any, *, user: User, sources: list[str]) -> None:
        super().__init__(data, user=user)
        self.user = user
        stages = [choice for choice in ReserveCadre.Stage.choices if choice[0] not in ("promoted", "removed")]
        self.fields["stage"].choices = [("", _("all")), *stages]  # type: ignore[attr-defined]
        self.fields["source"].choices = [("", _("all")), *((one, one) for one in sources)]  # type: ignore[attr-defined]


class SpanFilter(OnDayFilter):
    """A place and a span of time."""

    first = DayField(label=_("From"), required=False)
    last = DayField(label=_("To"), required=False)

    def __init__(self, data: Any, *, user: User) -> None:
        data = data.copy()
        data.setdefault("last", timezone.localdate().isoformat())
        data.setdefault("first", f"{data['last'][:4]}-01-01")
        super().__init__(data, user=user)
        del self.fields["on"]
        self.order_fields(["first", "last", "township", "village"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", forms.ValidationError(_("The span ends before it begins."), "backwards"))
        return cleaned

    @property
    def span(self) -> tuple[date, date]:
        """First and last day; this year up to today when none is given or what is given is none."""
        today = timezone.localdate()
        chosen = self.cleaned_data if self.is_valid() else {}
        return chosen.get("first") or today.replace(month=1, day=1), chosen.get("last") or today


class MonthFilter(PlaceFilter):
    """A place and a month."""

    def __init__(self, data: Any, *, user: User) -> None:
        data = data.copy()
        data.setdefault("month", f"{timezone.localdate():%Y-%m}")
        super().__init__(data, user=user, permission="cadres.view_attendance")
        self.fields["month"] = MonthField(label=_("Month"), required=False)
        self.order_fields(["month", "township", "village"])

    @property
    def month(self) -> date:
        """First day of the month; this month when none is given or what is given is none."""
        chosen = self.cleaned_data.get("month") if self.is_valid() else None
        return chosen or timezone.localdate().replace(day=1)


# --- One entry ------------------------------------------------------------------------------


class PersonChoice(forms.ModelChoiceField):
    """People of one village; what tells two of the same name apart stands behind the name."""

    def label_from_instance(self, obj: Person) -> str:
        about = [str(part) for part in (obj.birth, education.name_of(obj.education)) if part]
        return f"{obj.name}（{'，'.join(about)}）" if about else obj.name


class VillageForm(forms.Form):
    """Which village somebody is nominated for."""

    village = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))

    def __init__(self, data: Any, *, user: User, day: date) -> None:
        super().__init__(data)
        villages = rows_with(user, Unit.objects.villages().valid_on(day), "cadres.add_reservecadre")
        self.fields["village"].queryset = villages  # type: ignore[attr-defined]
        self.fields["village"].widget.attrs |= {"data-auto-submit": ""}


class EntryForm(VersionedFormMixin, forms.ModelForm):
    """What a person writes about an entry."""

    class Meta:
        model = ReserveCadre
        fields = FIELDS
        widgets = {"training_plan": forms.Textarea(attrs={"rows": 3}), "remark": forms.Textarea(attrs={"rows": 2})}


class NominationForm(EntryForm):
    person = PersonChoice(Person.objects.none(), label=_("person"), empty_label=_("Choose the person"))
    on = DayField(label=_("nominated on"))
    note = forms.CharField(
        label=_("note"), max_length=200, required=False, help_text=_("Such as the meeting that recommended.")
    )

    field_order = ("person", "on", *FIELDS, "note")

    def __init__(self, *args: Any, people: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people  # type: ignore[attr-defined]


class MoveForm(forms.Form):
    """The next step: its day, and what its kind needs."""

    on = DayField(label=_("date"))
    reason = forms.ChoiceField(label=_("reason for leaving"))
    posting = forms.ModelChoiceField(
        Posting.objects.none(),
        label=_("post it led to"),
        required=False,
        empty_label=_("not entered yet"),
        help_text=_("The post proves the way from stock to office."),
    )
    note = forms.CharField(label=_("note"), max_length=200, required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, move: Move, postings: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if move.to_stage != ReserveCadre.Stage.REMOVED:
            del self.fields["reason"]
        else:
            reasons = [choice for choice in ReserveCadre.ExitReason.choices if choice[0] != "promoted"]
            self.fields["reason"].choices = [("", _("Choose the reason")), *reasons]  # type: ignore[attr-defined]
        if move.to_stage != ReserveCadre.Stage.PROMOTED:
            del self.fields["posting"]
        else:
            self.fields["posting"].queryset = postings  # type: ignore[attr-defined]
            self.fields["posting"].label_from_instance = _posting_label  # type: ignore[attr-defined]


def _posting_label(posting: Posting) -> str:
    words = posting.words or posting.get_post_display()
    return f"{posting.unit.short_name} {words} {posting.started_on or ''}".strip()


class AssessForm(forms.Form):
    year = forms.TypedChoiceField(label=_("year"), coerce=int)
    grade = forms.ChoiceField(label=_("grade"), choices=ReserveAssessment.Grade, widget=forms.RadioSelect)
    note = forms.CharField(label=_("note"), max_length=200, required=False)

    def __init__(self, *args: Any, years: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["year"].choices = [(year, str(year)) for year in years]  # type: ignore[attr-defined]


class LimitsForm(VersionedFormMixin, forms.ModelForm):
    """What the county asks of cadres and of the reserve."""

    class Meta:
        model = PeopleLimits
        fields = (
            "reserve_entry_age",
            "reserve_warning_age",
            "reserve_removal_age",
            "reserve_education",
            "reserve_target",
            "heads_trainings",
            "new_cadre_days",
            "new_cadre_months",
            "party_worker_days",
            "vacancy_days",
            "secretary_vacancy_days",
            "cadre_entry_age",
            "cadre_warning_age",
        )

    RESERVE = ("reserve_entry_age", "reserve_warning_age", "reserve_removal_age", "reserve_education", "reserve_target")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(code, name) for code, name in education.NAMES.items() if code != "90"]
        self.fields["reserve_education"] = forms.ChoiceField(
            label=self.fields["reserve_education"].label, choices=named
        )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        warning = self.cleaned_data.get("reserve_warning_age")
        removal = self.cleaned_data.get("reserve_removal_age")
        if warning is not None and removal is not None and removal < warning:
            self.add_error(
                "reserve_removal_age",
                forms.ValidationError(_("Not below the age of the warning."), "below_warning"),
            )
        return cleaned

    @property
    def reserve_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.RESERVE]

    @property
    def cadre_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.Meta.fields if name not in self.RESERVE]

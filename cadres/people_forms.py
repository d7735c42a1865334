"""Forms about people. Each hands its values to a service, which decides; a date may lack its day or month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from branches.forms import DayField, day_widget
from branches.models import Unit
from branches.querysets import valid_on
from branches.record_forms import FilterForm, PlaceFilter, VillageChoice
from branches.scoping import rows_with
from branches.versions import VersionedFormMixin
from cadres import education, words
from cadres.ages import BANDS
from cadres.models import (
    Commendation,
    DisciplineAction,
    Person,
    Posting,
    Residency,
    ResidentLeave,
    SpotCheck,
    Talent,
    Training,
)
from cadres.querysets import aged
from cadres.rosters import COUNTED_POSTS
from cadres.services.identity import Purpose
from imports.dates import PartialDate, from_text

BANDS_BY_CODE = {band.code: band for band in BANDS}
ELECTED_POSTS = tuple((post.value, post.label) for post in Posting.Post if post.value in COUNTED_POSTS)


class PartialDateField(forms.CharField):
    """1975, 1975.3, 1975年3月 or 1975-03-12, as people write it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("Such as 1975-03-12, 1975-03 or 1975."))
        super().__init__(max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off"}), **kwargs)

    def to_python(self, value: Any) -> PartialDate | None:  # type: ignore[override]
        if value in self.empty_values or isinstance(value, PartialDate):
            return value or None
        read = from_text(str(value), timezone.localdate())
        if read.code:
            raise ValidationError(_("Write the date as 1975, 1975-03 or 1975-03-12."), read.code)
        return read.value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != (initial or None)
        except ValidationError:
            return True

    def run_validators(self, value: Any) -> None:
        """The text was read as a date; its length says nothing any more."""

    def prepare_value(self, value: Any) -> str:
        return "" if value is None else str(value)


def places_for(user: User, permission: str, *kinds: str) -> Any:
    """Units of the named levels that exist today and where the user holds the right."""
    today = timezone.localdate()
    return rows_with(user, Unit.objects.filter(valid_on(today), kind__in=kinds), permission)


# --- People and posts -----------------------------------------------------------------------


class PersonForm(VersionedFormMixin, forms.ModelForm):
    """The identity number is never shown here; an empty box keeps the stored one."""

    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    birth = PartialDateField(label=_("date of birth"))
    identity = forms.CharField(
        label=_("identity number"), required=False, max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    political = forms.ChoiceField(
        label=_("political status"), required=False, choices=[("", "—"), *words.POLITICAL.items()]
    )
    joined_on = PartialDateField(label=_("joined the Party"), required=False, help_text="")
    full_member_on = PartialDateField(label=_("full member since"), required=False, help_text="")
    education = forms.ChoiceField(label=_("education"), required=False, choices=[("", "—"), *education.NAMES.items()])
    origin = forms.ChoiceField(label=_("came from"), required=False, choices=[("", "—"), *words.ORIGINS.items()])

    class Meta:
        model = Person
        fields = (
            "unit",
            "name",
            "gender",
            "birth",
            "identity",
            "phone",
            "political",
            "joined_on",
            "full_member_on",
            "education",
            "education_words",
            "major",
            "origin",
            "is_seconded",
            "is_inspector",
            "resume",
            "remark",
        )
        widgets = {"resume": forms.Textarea(attrs={"rows": 5}), "remark": forms.Textarea(attrs={"rows": 2})}

    field_order = Meta.fields
    wide = ("resume", "remark")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        permission = "cadres.change_person" if self.instance.pk else "cadres.add_person"
        places = places_for(user, permission, Unit.Kind.VILLAGE, Unit.Kind.TOWNSHIP)
        self.fields["unit"].queryset = places  # type: ignore[attr-defined]
        fields: dict[str, Any] = self.fields
        fields["gender"].choices = [("", "—"), *PeopleFilter.GENDERS]
        self._keep_unknown("political", "education", "origin")
        if self.instance.identity_index:
            self.fields["identity"].help_text = _("A number is stored. Leave this empty to keep it.")

    def _keep_unknown(self, *names: str) -> None:
        """A code that came with a roster and is not in the list stays, instead of being lost at the next save."""
        for name in names:
            stored = getattr(self.instance, name)
            field: Any = self.fields[name]
            if stored and stored not in dict(field.choices):
                field.choices = [*field.choices, (stored, self.instance.education_words or stored)]


class PostingForm(VersionedFormMixin, forms.ModelForm):
    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    started_on = PartialDateField(label=_("in post since"))

    class Meta:
        model = Posting
        fields = ("unit", "post", "words", "started_on", "mode", "change", "document", "ended_on", "ending")
        widgets = {"ended_on": day_widget()}
        help_texts = {
            "words": _("Only for a post that is not in the list."),
            "ended_on": _("Leave empty for a post that is held now."),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        permission = "cadres.change_posting" if self.instance.pk else "cadres.add_posting"
        places = places_for(user, permission, Unit.Kind.VILLAGE, Unit.Kind.TOWNSHIP)
        self.fields["unit"].queryset = places  # type: ignore[attr-defined]


class ActForm(forms.Form):
    """A step taken on a row, with the version of it that its reader saw."""

    base_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, row: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["base_version"] = row.version


class EndPostingForm(ActForm):
    ended_on = DayField(label=_("last day in post"))
    ending = forms.ChoiceField(label=_("reason for leaving"), choices=[("", "—"), *Posting.Ending.choices])
    note = forms.CharField(label=_("document number or note"), max_length=200, required=False)


class ElectionForm(forms.Form):
    """Who was elected: a box for each person of the village and each post, `posts` holds "person:post"."""

    on = DayField(label=_("elected on"))
    document = forms.CharField(label=_("document number"), max_length=60, required=False)
    posts = forms.MultipleChoiceField(label=_("elected"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, people: list[Person], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["posts"].choices = [  # type: ignore[attr-defined]
            (f"{person.pk}:{post}", f"{person.name} {label}") for person in people for post, label in ELECTED_POSTS
        ]


# --- Trainings, conduct ------------------------------------------------------------------------


class TrainingForm(VersionedFormMixin, forms.ModelForm):
    unit = forms.ModelChoiceField(Unit.objects.none(), label=_("run by"), empty_label=None)
    held_on = DayField(label=_("first day"))
    ends_on = DayField(label=_("last day"))

    class Meta:
        model = Training
        fields = ("unit", "title", "kind", "held_on", "ends_on", "hours", "organiser", "place")
        help_texts = {"hours": _("Of the whole training; 8 hours are a day.")}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["unit"]
        else:
            places = places_for(user, "cadres.add_training", Unit.Kind.COUNTY, Unit.Kind.TOWNSHIP)
            self.fields["unit"].queryset = places  # type: ignore[attr-defined]


class CommendationForm(VersionedFormMixin, forms.ModelForm):
    awarded_on = DayField(label=_("awarded on"))

    class Meta:
        model = Commendation
        fields = ("title", "level", "awarded_by", "awarded_on", "document")


class DisciplineForm(VersionedFormMixin, forms.ModelForm):
    decided_on = DayField(label=_("decided on"))

    class Meta:
        model = DisciplineAction
        fields = ("kind", "decided_on", "effective_to", "decided_by", "document", "reason")
        widgets = {"effective_to": day_widget(), "reason": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"effective_to": _("A suspension for education lasts one to three months.")}

    wide = ("reason",)


class MidCheckForm(ActForm):
    mid_check_on = DayField(label=_("checked half-way on"))
    mid_check = forms.CharField(
        label=_("finding of the check half-way"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000
    )


class ExtendForm(ActForm):
    effective_to = DayField(label=_("in effect until"))
    closing_opinion = forms.CharField(label=_("opinion"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)


class EndSuspensionForm(ActForm):
    ended_on = DayField(label=_("ended on"))
    outcome = forms.ChoiceField(
        label=_("outcome"),
        choices=[
            ("", "—"),
            (DisciplineAction.Outcome.REINSTATED.value, DisciplineAction.Outcome.REINSTATED.label),
            (DisciplineAction.Outcome.REMOVED.value, DisciplineAction.Outcome.REMOVED.label),
        ],
    )
    closing_opinion = forms.CharField(
        label=_("closing opinion"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000
    )


# --- Residents, talents -------------------------------------------------------------------------


class ResidencyForm(VersionedFormMixin, forms.ModelForm):
    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    started_on = DayField(label=_("since"))

    class Meta:
        model = Residency
        fields = ("unit", "role", "sent_by", "started_on")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["unit"]
        else:
            places = places_for(user, "cadres.add_residency", Unit.Kind.VILLAGE)
            self.fields["unit"].queryset = places  # type: ignore[attr-defined]


class EndResidencyForm(ActForm):
    ended_on = DayField(label=_("last day"))
    ending = forms.ChoiceField(label=_("reason for leaving"), choices=[("", "—"), *Residency.Ending.choices])
    ending_note = forms.CharField(
        label=_("note"), max_length=200, required=False, help_text=_("A recall says what it is for.")
    )


class LeaveForm(forms.ModelForm):
    begins_on = DayField(label=_("first day"))
    ends_on = DayField(label=_("last day"))

    class Meta:
        model = ResidentLeave
        fields = ("begins_on", "ends_on", "reason", "approved_by")


class SpotCheckForm(forms.ModelForm):
    checked_on = DayField(label=_("checked on"))
    was_present = forms.TypedChoiceField(
        label=_("was in the village"),
        choices=[("1", _("yes")), ("0", _("no"))],
        coerce=lambda value: value == "1",
        widget=forms.RadioSelect,
    )

    class Meta:
        model = SpotCheck
        fields = ("checked_on", "was_present", "note")


class TalentForm(VersionedFormMixin, forms.ModelForm):
    consented_on = DayField(label=_("agreed on"), help_text=_("Without the person's consent nobody is registered."))

    class Meta:
        model = Talent
        fields = ("kind", "field", "contact", "consented_on", "note")


class WithdrawForm(ActForm):
    withdrawn_on = DayField(label=_("withdrew the consent on"))


# --- Numbers --------------------------------------------------------------------------------


class RevealForm(forms.Form):
    purpose = forms.ChoiceField(label=_("purpose"), choices=[("", "—"), *Purpose.choices])
    note = forms.CharField(label=_("what it is needed for"), max_length=200)


class NumberForm(forms.Form):
    number = forms.CharField(
        label=_("identity number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "p-input is-auto"}),
    )


# --- Filters --------------------------------------------------------------------------------


class PeopleFilter(PlaceFilter):
    """People in post on a day, or all on the roster."""

    STATES = (("", _("in post")), ("left", _("left their posts")), ("all", _("everybody on the roster")))
    GENDERS = ((Person.Gender.MALE.value, _("male")), (Person.Gender.FEMALE.value, _("female")))

    q = forms.CharField(label=_("Name or first letters"), required=False, max_length=30)
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)
    day = DayField(label=_("As of"), required=False)
    post = forms.TypedChoiceField(label=_("post"), required=False, coerce=int, empty_value=None)
    gender = forms.ChoiceField(label=_("sex"), required=False)
    ages = forms.ChoiceField(label=_("age"), required=False)
    education = forms.ChoiceField(label=_("education"), required=False)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="cadres.view_person")
        fields: dict[str, Any] = self.fields
        fields["post"].choices = [("", _("all")), *Posting.Post.choices]
        fields["gender"].choices = [("", _("all")), *self.GENDERS]
        fields["ages"].choices = [
            ("", _("all")),
            ("35", _("35 and younger")),
            ("45", _("36 to 45")),
            ("55", _("46 to 55")),
            ("56", _("56 and older")),
        ]
        fields["education"].choices = [
            ("", _("all")),
            ("college", _("college and above")),
            ("secondary", _("secondary")),
            ("lower", _("junior secondary and below")),
        ]

    @property
    def on(self) -> date:
        day: date | None = self.cleaned_data.get("day") if self.is_valid() else None
        return day or timezone.localdate()

    def about_people(self) -> Q:
        """Condition on the person: name, sex, age on the day, education."""
        chosen = self.cleaned_data
        found = Q()
        if chosen["q"]:
            typed = "".join(chosen["q"].split())
            found &= Q(name__startswith=typed) | Q(initials__startswith=typed.lower())
        if chosen["gender"]:
            found &= Q(gender=chosen["gender"])
        if chosen["ages"]:
            found &= aged(BANDS_BY_CODE[chosen["ages"]], self.on)
        if chosen["education"]:
            found &= EDUCATION_CONDITIONS[chosen["education"]]
        return found


EDUCATION_CONDITIONS: Mapping[str, Q] = {
    "college": Q(education__gt="", education__lt=education.COLLEGE_BELOW),
    "secondary": Q(education__gte=education.COLLEGE_BELOW, education__lt="70"),
    "lower": Q(education__gte="70"),
}


class TrainingFilter(FilterForm):
    year = forms.IntegerField(label=_("Year"), required=False, min_value=2000, max_value=2100)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *Training.Kind.choices])


class DutyFilter(PlaceFilter):
    STATES = (
        ("", _("not met yet")),
        ("short", _("time is over")),
        ("all", _("all duties")),
    )

    day = DayField(label=_("As of"), required=False)
    duty = forms.ChoiceField(label=_("Duty"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="cadres.view_attendance")
        del self.fields["village"]
        self.fields["duty"].choices = [("", _("all")), *DUTIES.items()]  # type: ignore[attr-defined]

    @property
    def on(self) -> date:
        day: date | None = self.cleaned_data.get("day") if self.is_valid() else None
        return day or timezone.localdate()


DUTIES = {
    "heads": _("secretary or director, yearly"),
    "new_cadre": _("newly in office"),
    "party_worker": _("township Party worker, yearly"),
}


class DayFilter(PlaceFilter):
    day = DayField(label=_("As of"), required=False)

    def __init__(self, data: Any, *, user: User, permission: str) -> None:
        super().__init__(data, user=user, permission=permission)
        del self.fields["village"]

    @property
    def on(self) -> date:
        day: date | None = self.cleaned_data.get("day") if self.is_valid() else None
        return day or timezone.localdate()


class TalentFilter(PlaceFilter):
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *Talent.Kind.choices])

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="cadres.view_talent")

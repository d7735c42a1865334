"""Forms of the yearly assessment: its rules, meetings, the two lists, decisions about proposals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from assessments.models import CadreResult, CommentMeeting, YearAssessment, YearItem
from assessments.models.year import Grade
from assessments.services.year import FIRST_YEAR, LAST_YEAR
from assessments.services.year_meetings import BALLOTS, Said, may_report
from assessments.year_rules import GRADES, MOST_DEPARTMENTS, Department, Ladder, YearRules
from branches.forms import DayField, day_widget
from branches.models import Unit
from branches.record_forms import PlaceFilter, VillageChoice
from branches.scoping import rows_with
from branches.versions import VersionedFormMixin
from cadres.models import DisciplineAction

if TYPE_CHECKING:
    from accounts.models import User


class Points(forms.DecimalField):
    """A number of 100 with up to two decimals; the form's value is whole hundredths."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 6})
        super().__init__(min_value=0, max_value=100, max_digits=5, decimal_places=2, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        cleaned: Decimal | None = super().clean(value)
        return None if cleaned is None else int(cleaned.scaleb(2))

    def prepare_value(self, value: Any) -> Any:
        return f"{Decimal(value).scaleb(-2):.2f}".rstrip("0").rstrip(".") if isinstance(value, int) else value


STEPS = [("", _("no proposal")), *DisciplineAction.Kind.choices]
_SUM = _("These sum to 100.")


class RulesForm(forms.Form):
    """Everything that an assessment's rules say. The sum of each group is checked by the rules themselves."""

    document = forms.CharField(label=_("document number"), max_length=120, required=False)
    months = Points(label=_("average of the months"))
    departments = Points(label=_("county departments"))
    satisfaction = Points(label=_("satisfaction of those asked"))
    village = Points(label=_("score of the village"))
    personal = Points(label=_("personal score"))
    results = Points(label=_("work results"))
    vote = Points(label=_("democratic vote"))
    township = Points(label=_("the township's view"))
    names = forms.CharField(
        label=_("Departments that score"),
        required=False,
        max_length=600,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_(
            "One in each line; behind a space the code of the lead department whose account enters, such as F3."
        ),
    )
    line_excellent = Points(label=_("excellent from"))
    line_competent = Points(label=_("competent from"))
    line_basically_competent = Points(label=_("basically competent from"))
    best_share = Points(label=_("share of the excellent in a township, per cent"))
    best_least = forms.IntegerField(label=_("one at least from so many up"), min_value=1, max_value=99)
    veto_reaches = forms.ChoiceField(
        label=_("a veto of the village caps"),
        choices=[
            ("village", _("the grade of the village only")),
            ("heads", _("also those of secretary and director")),
            ("all", _("also those of all its cadres")),
        ],
    )
    ballot_excellent = Points(label=_("a ballot “excellent” is worth, per cent"))
    ballot_competent = Points(label=_("“competent”"))
    ballot_basically_competent = Points(label=_("“basically competent”"))
    ballot_incompetent = Points(label=_("“incompetent”"))
    present_share = Points(label=_("present at a vote, per cent of those entitled"))
    grade_step = forms.ChoiceField(label=_("after the grade “incompetent”"), choices=STEPS, required=False)
    last_step = forms.ChoiceField(
        label=_("for heads of a village that stood last again"), choices=STEPS, required=False
    )
    times = forms.IntegerField(label=_("so many times last"), min_value=1, max_value=12)
    within = forms.IntegerField(label=_("within so many months"), min_value=1, max_value=12)
    group = forms.ChoiceField(
        label=_("in the ranking of"), choices=[("township", _("the township")), ("county", _("the county"))]
    )
    places = forms.IntegerField(label=_("last places counted"), min_value=1, max_value=10)
    least = forms.IntegerField(label=_("only among so many villages or more"), min_value=2, max_value=99)

    SECTIONS = (
        (_("The village's score"), _SUM, ("months", "departments", "satisfaction", "names")),
        (_("The cadre's score"), _SUM, ("village", "personal")),
        (_("The personal score"), _SUM, ("results", "vote", "township")),
        (
            _("Grades"),
            _("The share is a warning: nobody's grade is changed by it."),
            (
                "line_excellent",
                "line_competent",
                "line_basically_competent",
                "best_share",
                "best_least",
                "veto_reaches",
            ),
        ),
        (
            _("The vote"),
            "",
            (
                "ballot_excellent",
                "ballot_competent",
                "ballot_basically_competent",
                "ballot_incompetent",
                "present_share",
            ),
        ),
        (
            _("Proposals of the discipline ladder"),
            _("The system proposes, people decide."),
            ("grade_step", "last_step", "times", "within", "group", "places", "least"),
        ),
    )

    def sections(self) -> list[tuple[Any, Any, list[Any]]]:
        return [(title, hint, [self[name] for name in names]) for title, hint, names in self.SECTIONS]

    def clean_names(self) -> tuple[Department, ...]:
        lines = [line.split() for line in self.cleaned_data["names"].splitlines() if line.strip()]
        if len(lines) > MOST_DEPARTMENTS or any(len(words) > 2 for words in lines):
            raise ValidationError(
                _("Up to %(most)d lines, each a name and perhaps a code.") % {"most": MOST_DEPARTMENTS}
            )
        return tuple(Department(words[0], words[1] if len(words) == 2 else "") for words in lines)

    def rules(self) -> YearRules:
        data = self.cleaned_data
        return YearRules(
            village=tuple((part, data[part]) for part in ("months", "departments", "satisfaction")),
            cadre=tuple((part, data[part]) for part in ("village", "personal")),
            personal=tuple((part, data[part]) for part in ("results", "vote", "township")),
            lines=tuple((grade, data[f"line_{grade}"]) for grade in GRADES[:-1]),
            ballots=tuple((grade, data[f"ballot_{grade}"]) for grade in GRADES),
            best_share=data["best_share"],
            best_least=data["best_least"],
            present_share=data["present_share"],
            veto_reaches=data["veto_reaches"],
            departments=data["names"],
            ladder=Ladder(
                grade_step=data["grade_step"],
                last_step=data["last_step"],
                places=data["places"],
                times=data["times"],
                months=data["within"],
                group=data["group"],
                least=data["least"],
            ),
        )


def rules_values(rules: YearRules) -> dict[str, Any]:
    """What the form shows for rules."""
    ladder = rules.ladder
    return {
        **dict(rules.village),
        **dict(rules.cadre),
        **dict(rules.personal),
        **{f"line_{grade}": minimum for grade, minimum in rules.lines},
        **{f"ballot_{grade}": share for grade, share in rules.ballots},
        "best_share": rules.best_share,
        "best_least": rules.best_least,
        "present_share": rules.present_share,
        "veto_reaches": rules.veto_reaches,
        "names": "\n".join(f"{one.name} {one.subject}".strip() for one in rules.departments),
        "grade_step": ladder.grade_step,
        "last_step": ladder.last_step,
        "places": ladder.places,
        "times": ladder.times,
        "within": ladder.months,
        "group": ladder.group,
        "least": ladder.least,
    }


class ChangeRulesForm(RulesForm):
    base_version = forms.IntegerField(widget=forms.HiddenInput)


class OpenForm(RulesForm):
    """A new assessment: which time it is about, then its rules."""

    county = forms.ModelChoiceField(Unit.objects.none(), label=_("county"), empty_label=None)
    year = forms.IntegerField(label=_("year"), min_value=FIRST_YEAR, max_value=LAST_YEAR)
    span = forms.ChoiceField(label=_("span"), choices=YearAssessment.Span.choices)

    field_order = ("county", "year", "span")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = rows_with(user, Unit.objects.counties(), "assessments.add_yearassessment")
        self.fields["county"].queryset = places  # type: ignore[attr-defined]
        if len(places[:2]) == 1:
            self.fields["county"].initial = places[0]


# --- Filters --------------------------------------------------------------------------------


class YearFilter(PlaceFilter):
    """Conditions of the lists of results. `assessment` stays in the address."""

    permission = "assessments.view_villageyear"
    assessment = forms.IntegerField(required=False, widget=forms.HiddenInput)
    grade = forms.ChoiceField(
        label=_("Grade"), required=False, choices=[("", _("all")), *Grade.choices, ("none", _("without grade"))]
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission=self.permission)
        del self.fields["village"]

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in self.fields if name != "assessment")

    def shown(self, rows: Any) -> Any:
        rows = self.under(rows)
        grade = self.cleaned_data.get("grade", "") if self.is_valid() else ""
        return rows.filter(grade="" if grade == "none" else grade) if grade else rows


class CadreYearFilter(YearFilter):
    permission = "assessments.view_cadreresult"
    q = forms.CharField(label=_("Name begins with"), required=False, max_length=20)

    def shown(self, rows: Any) -> Any:
        rows = super().shown(rows)
        start = self.cleaned_data.get("q", "").strip() if self.is_valid() else ""
        return rows.filter(person__name__startswith=start) if start else rows


# --- Grades, proposals ------------------------------------------------------------------------


class GradeForm(forms.Form):
    grade = forms.ChoiceField(label=_("Grade"), choices=Grade.choices)
    reason = forms.CharField(
        label=_("reason"), max_length=300, required=False, widget=forms.TextInput(attrs={"size": 40})
    )
    base = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, result: CadreResult) -> None:
        super().__init__(data, initial={"grade": result.grade, "reason": result.grade_reason, "base": result.grade})


class TakeUpForm(VersionedFormMixin, forms.ModelForm):
    """The step that was decided, as among the discipline records of a person."""

    proposal_version = forms.IntegerField(widget=forms.HiddenInput)
    decided_on = DayField(label=_("decided on"))

    class Meta:
        model = DisciplineAction
        fields = ("kind", "decided_on", "effective_to", "decided_by", "document", "reason")
        widgets = {"effective_to": day_widget(), "reason": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"effective_to": _("A suspension for education lasts one to three months.")}

    wide = ("reason",)


class DismissForm(forms.Form):
    proposal_version = forms.IntegerField(widget=forms.HiddenInput)
    decision = forms.CharField(
        label=_("reason of the decision"), max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )


# --- Meetings -------------------------------------------------------------------------------


class MeetingForm(forms.Form):
    """The meeting itself; the ballots stand in a table of their own below it."""

    year = forms.IntegerField(label=_("year reported on"), min_value=FIRST_YEAR, max_value=LAST_YEAR)
    held_on = DayField(label=_("held on"))
    chair = forms.CharField(label=_("chair"), max_length=40, required=False)
    entitled = forms.IntegerField(label=_("entitled to vote"), min_value=1, max_value=9999)
    present = forms.IntegerField(label=_("present"), min_value=1, max_value=9999)
    minutes = forms.CharField(
        label=_("minutes"), max_length=4000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    base_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    wide = ("minutes",)


class BallotRows:
    """The table of ballots: a row for each secretary of the place, typed or stored. Empty rows did not report."""

    def __init__(self, unit: Unit, day: date, data: Mapping[str, str] | None, meeting: CommentMeeting | None) -> None:
        self.known = may_report(unit, day)
        stored = {one.person_id: one for one in meeting.comments.all()} if meeting else {}
        self.rows = [self._row(pk, posting, data, stored.get(pk)) for pk, posting in self.known.items()]

    def _row(self, pk: int, posting: Any, data: Mapping[str, str] | None, stored: Any) -> dict[str, Any]:
        names = (*BALLOTS, "remark")
        if data is not None:
            values = {name: data.get(f"p{pk}.{name}", "").strip() for name in names}
        else:
            values = {name: str(getattr(stored, name)) if stored else "" for name in names}
        return {
            "pk": pk,
            "name": posting.person.name,
            "village": posting.unit.short_name,
            "cells": [(name, values[name]) for name in BALLOTS],
            "remark": values["remark"],
        }

    def said(self) -> list[Said]:
        """Of everybody with a ballot. Raises ValidationError for what is no whole number."""
        found = []
        for row in self.rows:
            texts = [text for _name, text in row["cells"]]
            if not any(texts) and not row["remark"]:
                continue
            if not all(text.isdecimal() and len(text) < 5 for text in texts if text):
                words = _now("%(name)s: ballots are whole numbers.")
                raise ValidationError(words % {"name": row["name"]}, "not_a_number")
            first, second, third, fourth = (int(text or "0") for text in texts)
            found.append(Said(person_id=row["pk"], ballots=(first, second, third, fourth), remark=row["remark"][:1000]))
        return found


# --- The two lists --------------------------------------------------------------------------


class ItemForm(VersionedFormMixin, forms.ModelForm):
    village = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))

    class Meta:
        model = YearItem
        fields = ("kind", "text", "measure", "due_on")
        widgets = {
            "text": forms.Textarea(attrs={"rows": 2}),
            "measure": forms.Textarea(attrs={"rows": 2}),
            "due_on": day_widget(),
        }

    field_order = ("village", "kind")
    wide = ("text", "measure")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["village"]
            del self.fields["kind"]
            return
        villages = Unit.objects.under(self.instance.assessment.path).villages().valid_on(timezone.localdate())
        self.fields["village"].queryset = rows_with(user, villages, "assessments.add_yearitem")  # type: ignore[attr-defined]


class CloseItemForm(VersionedFormMixin, forms.ModelForm):
    closed_on = DayField(label=_("closed on"))
    closing_note = forms.CharField(label=_("what was done"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}))

    class Meta:
        model = YearItem
        fields = ("closed_on", "closing_note")

    wide = ("closing_note",)


class ItemFilter(PlaceFilter):
    assessment = forms.IntegerField(required=False, widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *YearItem.Kind.choices])
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("all")), ("open", _("problems not closed"))]
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="assessments.view_yearitem")
        del self.fields["village"]

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in self.fields if name != "assessment")

    def shown(self, rows: Any) -> Any:
        rows = self.under(rows)
        if not self.is_valid():
            return rows
        if self.cleaned_data["kind"]:
            rows = rows.filter(kind=self.cleaned_data["kind"])
        if self.cleaned_data["state"]:
            rows = rows.filter(kind=YearItem.Kind.PROBLEM, closed_on__isnull=True, carried_to__isnull=True)
        return rows

"""Half-yearly and yearly assessment: of villages from their months, of cadres from both (handbook 3.1, 3.2, 3.5)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from assessments.year_querysets import YearResultQuerySet
from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres.models import DisciplineAction, Person

USER = settings.AUTH_USER_MODEL


class Grade(models.TextChoices):
    """Grades of a person's or a village's year, best first."""

    EXCELLENT = "excellent", _("Excellent")
    COMPETENT = "competent", _("Competent")
    BASICALLY_COMPETENT = "basically_competent", _("Basically competent")
    INCOMPETENT = "incompetent", _("Incompetent")


class YearAssessment(models.Model):
    """The assessment of a county for a half or a whole year, with its rules.

    `rules`: weights, lines, the share of the best, departments, the ladder, as assessments/year_rules.py
    reads, writes and checks them. Frozen with the results when published; a correction is a new revision.
    """

    class Span(models.TextChoices):
        FIRST_HALF = "first_half", _("First half of the year")
        SECOND_HALF = "second_half", _("Second half of the year")
        YEAR = "year", _("Whole year")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("year assessment", "Open")
        COMPUTED = "computed", _("Computed")
        PUBLISHED = "published", _("Published")
        SUPERSEDED = "superseded", _("Superseded")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="year_assessments", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    year = models.PositiveSmallIntegerField(_("year"))
    span = models.CharField(_("span"), max_length=12, choices=Span, default=Span.YEAR)
    revision = models.PositiveSmallIntegerField(_("revision"), default=0)
    revision_reason = models.CharField(_("reason of the revision"), max_length=500, blank=True)
    document = models.CharField(_("document number"), max_length=120, blank=True)
    rules = models.JSONField(_("rules"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    computed_at = models.DateTimeField(null=True, editable=False)
    computed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    checksum = models.CharField(max_length=64, blank=True, editable=False)
    quota_reason = models.CharField(
        _("reason why more are excellent than the share allows"), max_length=500, blank=True
    )
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("yearly assessment")
        verbose_name_plural = _("yearly assessments")
        ordering: ClassVar[list[str]] = ["-year", "path", "span", "-revision"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["unit", "year", "span", "revision"], name="one_year_assessment_per_revision"
            ),
            models.UniqueConstraint(
                fields=["unit", "year", "span"], condition=Q(state="published"), name="one_published_year_assessment"
            ),
            models.UniqueConstraint(
                fields=["unit", "year", "span"],
                condition=Q(state__in=["open", "computed"]),
                name="one_year_assessment_in_work",
            ),
            models.CheckConstraint(
                condition=Q(published_by__isnull=True) | ~Q(published_by=F("computed_by")),
                name="year_published_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["published", "superseded"]) | Q(published_by__isnull=False),
                name="published_year_has_a_publisher",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["published", "superseded"]) | (Q(computed_by__isnull=False) & ~Q(checksum="")),
                name="published_year_was_computed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.get_span_display()}"


class DepartmentScore(models.Model):
    """What a county department gives a village for the year, 0 to 100, with its grounds."""

    assessment = models.ForeignKey(YearAssessment, on_delete=models.CASCADE, related_name="department_scores")
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    department = models.CharField(_("department"), max_length=40)
    subject = models.CharField(
        max_length=6, blank=True, help_text=_("Code of the lead department that may enter it; empty: county staff.")
    )
    score_hundredths = models.PositiveIntegerField(_("score"))
    reason = models.CharField(_("grounds"), max_length=300, blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    subject_path = "subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("department score")
        verbose_name_plural = _("department scores")
        ordering: ClassVar[list[str]] = ["assessment", "path", "department"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["assessment", "village", "department"], name="one_department_score"),
            models.CheckConstraint(condition=Q(score_hundredths__lte=10_000), name="department_score_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.department}"


class SatisfactionSurvey(models.Model):
    """How many of those asked in a village were satisfied (handbook 3.5). Counts only, no names."""

    assessment = models.ForeignKey(YearAssessment, on_delete=models.CASCADE, related_name="surveys")
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    asked = models.PositiveIntegerField(_("people asked"))
    satisfied = models.PositiveIntegerField(_("satisfied"))
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("satisfaction survey")
        verbose_name_plural = _("satisfaction surveys")
        ordering: ClassVar[list[str]] = ["assessment", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["assessment", "village"], name="one_survey_per_village"),
            models.CheckConstraint(condition=Q(satisfied__lte=F("asked"), asked__gte=1), name="satisfied_within_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.village}"


class VillageYear(models.Model):
    """A village's result of a year, with its receipt: the printed lines add up to the total.

    `lines` as assessments/year_lines.py writes and reads them. `missing`: parts without data, such as "months" or
    "department:县财政局"; such a village has no total, no grade and no rank. `veto`: the one that caps the grade.
    """

    assessment = models.ForeignKey(YearAssessment, on_delete=models.CASCADE, related_name="villages")
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="year_results", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    total_hundredths = models.IntegerField(null=True)
    grade = models.CharField(_("grade"), max_length=20, choices=Grade, blank=True)
    county_rank = models.PositiveIntegerField(null=True)
    township_rank = models.PositiveIntegerField(null=True)
    veto = models.CharField(_("veto"), max_length=6, blank=True)
    lines = models.JSONField(default=list)
    missing = models.JSONField(default=list)

    scope_path = "path"
    objects = YearResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("village's year")
        verbose_name_plural = _("villages' years")
        ordering: ClassVar[list[str]] = ["assessment", F("county_rank").asc(nulls_last=True), "path"]  # type: ignore[list-item]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["assessment", "village"], name="one_village_year"),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.assessment}"


class PersonalScore(models.Model):
    """What somebody's own work is given in a year: results, vote, the township's view, each 0 to 100.

    Of the vote only the counts of each grade are kept; single ballots are not.
    """

    assessment = models.ForeignKey(YearAssessment, on_delete=models.CASCADE, related_name="personal_scores")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", verbose_name=_("person"))
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    results_hundredths = models.PositiveIntegerField(_("work results"), null=True, blank=True)
    votes = models.JSONField(
        _("votes"), default=dict, blank=True, help_text=_("Grade to number of votes, with those entitled.")
    )
    township_hundredths = models.PositiveIntegerField(_("the township's view"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("personal score")
        verbose_name_plural = _("personal scores")
        ordering: ClassVar[list[str]] = ["assessment", "path", "person"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["assessment", "person"], name="one_personal_score"),
            models.CheckConstraint(
                condition=Q(results_hundredths__isnull=True) | Q(results_hundredths__lte=10_000),
                name="personal_results_in_range",
            ),
            models.CheckConstraint(
                condition=Q(township_hundredths__isnull=True) | Q(township_hundredths__lte=10_000),
                name="personal_township_view_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.assessment}"


class CadreResult(models.Model):
    """A cadre's result of a year: village and personal score combined, and the grade.

    `proposed` follows from the lines of the rules; `grade` is what stands, with a reason where it differs.
    """

    assessment = models.ForeignKey(YearAssessment, on_delete=models.CASCADE, related_name="cadre_results")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="year_results", verbose_name=_("person"))
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    post = models.PositiveSmallIntegerField(_("post"))
    village_hundredths = models.IntegerField(null=True)
    personal_hundredths = models.IntegerField(null=True)
    total_hundredths = models.IntegerField(null=True)
    township_rank = models.PositiveIntegerField(null=True)
    proposed = models.CharField(_("grade by the lines"), max_length=20, choices=Grade, blank=True)
    grade = models.CharField(_("grade"), max_length=20, choices=Grade, blank=True)
    grade_reason = models.CharField(_("reason of another grade"), max_length=300, blank=True)
    graded_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    lines = models.JSONField(default=list)
    missing = models.JSONField(default=list)

    scope_path = "path"
    objects = YearResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("cadre's year")
        verbose_name_plural = _("cadres' years")
        ordering: ClassVar[list[str]] = ["assessment", "path", "post", "person"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["assessment", "person"], name="one_cadre_result"),
            models.CheckConstraint(
                condition=Q(grade=F("proposed")) | ~Q(grade_reason=""), name="another_grade_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.assessment}"


class DisciplineProposal(models.Model):
    """Somebody for whom the conditions of a step of the discipline ladder are met (handbook 3.9).

    The system proposes, people decide. Class D3: read by those who handle discipline.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("discipline proposal", "Open")
        TAKEN_UP = "taken_up", _("Taken up")
        DISMISSED = "dismissed", _("Not followed")

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="discipline_proposals", verbose_name=_("person")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    kind = models.CharField(_("step proposed"), max_length=16, choices=DisciplineAction.Kind)
    rule = models.CharField(_("condition met"), max_length=30)
    evidence = models.JSONField(_("what it rests on"), default=list)
    key = models.CharField(max_length=80, editable=False, help_text=_("Condition and span: the same is proposed once."))
    proposed_at = models.DateTimeField(editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decision = models.CharField(_("reason of the decision"), max_length=500, blank=True)
    action = models.ForeignKey(
        DisciplineAction, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("discipline action")
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("discipline proposal")
        verbose_name_plural = _("discipline proposals")
        ordering: ClassVar[list[str]] = ["-proposed_at", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "key"], name="one_discipline_proposal_per_condition"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.kind}"


class CommentMeeting(models.Model):
    """A report-and-comment meeting (述职评议): secretaries report, those present vote a grade for each."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="comment_meetings", verbose_name=_("place"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    year = models.PositiveSmallIntegerField(_("year reported on"))
    held_on = models.DateField(_("held on"))
    chair = models.CharField(_("chair"), max_length=40, blank=True)
    entitled = models.PositiveSmallIntegerField(_("entitled to vote"))
    present = models.PositiveSmallIntegerField(_("present"))
    minutes = models.TextField(_("minutes"), blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    confirmed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("report-and-comment meeting")
        verbose_name_plural = _("report-and-comment meetings")
        ordering: ClassVar[list[str]] = ["-held_on", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "held_on"], name="one_comment_meeting_per_day"),
            models.CheckConstraint(condition=Q(present__lte=F("entitled")), name="meeting_present_within_entitled"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("entered_by")),
                name="comment_meeting_confirmed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.held_on}"


class Comment(models.Model):
    """What was said to somebody who reported, and how the ballots fell. Counts, never single ballots."""

    meeting = models.ForeignKey(CommentMeeting, on_delete=models.CASCADE, related_name="comments")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="comments", verbose_name=_("person"))
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("village"))
    good = models.PositiveSmallIntegerField(pgettext_lazy("ballot", "good"), default=0)
    rather_good = models.PositiveSmallIntegerField(pgettext_lazy("ballot", "rather good"), default=0)
    average = models.PositiveSmallIntegerField(pgettext_lazy("ballot", "average"), default=0)
    poor = models.PositiveSmallIntegerField(pgettext_lazy("ballot", "poor"), default=0)
    grade = models.CharField(_("grade of the meeting"), max_length=12, blank=True)
    remark = models.TextField(_("the Party committee's comment"), blank=True)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering: ClassVar[list[str]] = ["meeting", "village__path", "person"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["meeting", "person"], name="one_comment_per_meeting"),
        ]

    def __str__(self) -> str:
        return f"{self.meeting} {self.person_id}"


class YearItem(models.Model):
    """An entry of a year's commendation list or problem list; a problem is carried into the next year until closed."""

    class Kind(models.TextChoices):
        COMMENDATION = "commendation", _("Commendation")
        PROBLEM = "problem", _("Problem")

    assessment = models.ForeignKey(YearAssessment, on_delete=models.PROTECT, related_name="items")
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="year_items", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    kind = models.CharField(_("kind"), max_length=14, choices=Kind)
    text = models.CharField(_("in words"), max_length=300)
    measure = models.CharField(_("measure"), max_length=300, blank=True)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    closing_note = models.CharField(_("what was done"), max_length=300, blank=True)
    carried_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="carried_to")
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    closed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("item of a year")
        verbose_name_plural = _("items of a year")
        ordering: ClassVar[list[str]] = ["assessment", "kind", "path", "pk"]

    def __str__(self) -> str:
        return self.text

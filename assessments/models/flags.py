"""The red flags: rounds and their rules as data, applications, awards, and what takes a flag away again.

A round holds its own rules; the next one begins as a copy (docs/decisions/0015-a-round-holds-its-own-rules.md).
Life cycle and effects: handbook 2.2 and 2.3.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from assessments.rules import in_language
from branches.models import Unit
from branches.querysets import ScopedQuerySet

USER = settings.AUTH_USER_MODEL


class FlagRound(models.Model):
    """One round of a county: the span it judges, its days, and whether its rules can still be edited."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        OPEN = "open", pgettext_lazy("flag round", "Open")
        CLOSED = "closed", pgettext_lazy("flag round", "Closed")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="flag_rounds", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    name = models.CharField(_("name"), max_length=60, help_text=_("Such as 2026年上半年."))
    title = models.CharField(_("what is awarded"), max_length=60, default="五面红旗")
    title_en = models.CharField(_("what is awarded, in English"), max_length=80, blank=True, default="Five Red Flags")
    document = models.CharField(_("document number"), max_length=120, blank=True)
    first_on = models.DateField(_("judged from"))
    last_on = models.DateField(_("judged to"))
    apply_by = models.DateField(_("applications until"))
    valid_to = models.DateField(_("flags valid until"))
    notice_days = models.PositiveSmallIntegerField(_("working days of the public notice"), default=5)
    panel_share = models.PositiveSmallIntegerField(
        _("share of the panel in the score (%)"), default=0, help_text=_("0: no panel.")
    )
    panel_dropped = models.PositiveSmallIntegerField(_("highest and lowest left out, each"), default=1)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag round")
        verbose_name_plural = _("flag rounds")
        ordering: ClassVar[list[str]] = ["-first_on", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "name"], name="one_flag_round_per_name"),
            models.CheckConstraint(condition=Q(first_on__lte=F("last_on")), name="flag_round_ends_after_it_begins"),
            models.CheckConstraint(condition=Q(valid_to__gte=F("last_on")), name="flag_round_valid_after_its_end"),
            models.CheckConstraint(condition=Q(panel_share__lte=100), name="flag_round_panel_share_in_range"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_title(self) -> str:
        """What is awarded, in the language of the page."""
        return in_language(self.title, self.title_en)


class FlagCategory(models.Model):
    """One of the flags of a round, with the department that leads it."""

    round = models.ForeignKey(FlagRound, on_delete=models.CASCADE, related_name="categories")
    code = models.CharField(
        _("code"), max_length=6, help_text=_("The same in every round, such as F3. Lead departments are named by it.")
    )
    name = models.CharField(_("name"), max_length=40)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    lead = models.CharField(_("lead department"), max_length=80)
    pass_line = models.DecimalField(_("pass line"), max_digits=5, decimal_places=2, default=Decimal(80))
    quota = models.PositiveSmallIntegerField(_("at most this many flags"), null=True, blank=True)
    is_party_building = models.BooleanField(
        _("flag for Party building"), default=False, help_text=_("Taken from a village that is listed as weak.")
    )
    sort = models.PositiveSmallIntegerField(default=0)

    scope_path = "round__path"
    shared: ClassVar[dict[str, str]] = {"view": "round__path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag category")
        verbose_name_plural = _("flag categories")
        ordering: ClassVar[list[str]] = ["round", "sort", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["round", "code"], name="one_flag_category_code_per_round"),
        ]

    def __str__(self) -> str:
        return self.name


class FlagCriterion(models.Model):
    """What a flag is judged by: a criterion with points, or a gate that must be met.

    `source`: S is computed from `source_code` as `parameters` say (assessments/flag_criteria.py); where the
    system has no data the lead department scores it. `parameters` of a scored criterion are those of the
    rule types of assessments/rules.py; empty for T and D, which are scored by hand from 0 to `points`.
    """

    class Source(models.TextChoices):
        SYSTEM = "S", _("computed by the system")
        TOWNSHIP = "T", _("scored by the township")
        DEPARTMENT = "D", _("scored by the lead department")

    category = models.ForeignKey(FlagCategory, on_delete=models.CASCADE, related_name="criteria")
    code = models.CharField(_("code"), max_length=10)
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=160, blank=True)
    is_gate = models.BooleanField(_("gate"), default=False, help_text=_("Met or not; without points."))
    points = models.DecimalField(_("points"), max_digits=4, decimal_places=1, default=Decimal(0))
    source = models.CharField(_("source"), max_length=1, choices=Source, default=Source.TOWNSHIP)
    source_code = models.CharField(_("computed from"), max_length=120, blank=True)
    rule_type = models.CharField(_("rule"), max_length=20, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    definition = models.TextField(_("counting definition"), blank=True)
    sort = models.PositiveSmallIntegerField(default=0)

    scope_path = "category__round__path"
    shared: ClassVar[dict[str, str]] = {"view": "category__round__path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag criterion")
        verbose_name_plural = _("flag criteria")
        ordering: ClassVar[list[str]] = ["category", "is_gate", "sort", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["category", "code"], name="one_flag_criterion_code_per_category"),
            models.CheckConstraint(
                condition=Q(is_gate=True, points=0) | Q(is_gate=False, points__gt=0, points__lte=100),
                name="flag_criterion_has_points_or_is_a_gate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class FlagApplication(models.Model):
    """A village that applies for a flag, from the application to the decision.

    `lines`: one for each criterion, in the order of the round's rules::

        {"code": "F1-1", "computed": 1500, "value": "6 of 6 months", "records": "/…",
         "self": 1500, "township": 1500, "checked": 1400, "reason": "one record is backdated"}

    Points are whole hundredths; None is "not given". Of a gate the three are true, false or None.
    `computed` is frozen when the application is handed in and again when the department rechecks it.
    `score_hundredths` is what the decision rests on: the checked points, with the panel's mean where the
    round says so. One of a village, category and round; history stands in FlagStep.
    """

    class State(models.TextChoices):
        APPLIED = "applied", pgettext_lazy("flag", "Applied")
        RETURNED = "returned", pgettext_lazy("flag", "Returned")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        TOWNSHIP_REVIEWED = "township_reviewed", _("Reviewed by the township")
        DEPT_REVIEWED = "dept_reviewed", _("Rechecked by the department")
        DECIDED = "decided", pgettext_lazy("flag", "Decided")
        PUBLIC_NOTICE = "public_notice", _("Public notice")
        OBJECTION_HOLD = "objection_hold", _("Objection being looked into")
        AWARDED = "awarded", _("Awarded")
        REJECTED = "rejected", pgettext_lazy("flag", "Not awarded")

    round = models.ForeignKey(FlagRound, on_delete=models.PROTECT, related_name="applications", verbose_name=_("round"))
    category = models.ForeignKey(
        FlagCategory, on_delete=models.PROTECT, related_name="applications", verbose_name=_("flag category")
    )
    code = models.CharField(max_length=6, editable=False)
    village = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="flag_applications", verbose_name=_("village")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    state = models.CharField(_("state"), max_length=18, choices=State, default=State.APPLIED)
    text = models.TextField(_("short account"), blank=True)
    lines = models.JSONField(default=list)
    self_hundredths = models.PositiveIntegerField(null=True, editable=False)
    township_hundredths = models.PositiveIntegerField(null=True, editable=False)
    checked_hundredths = models.PositiveIntegerField(null=True, editable=False)
    panel_hundredths = models.PositiveIntegerField(null=True, editable=False)
    score_hundredths = models.PositiveIntegerField(null=True, editable=False)
    gates_failed = models.JSONField(_("gates not met"), default=list, editable=False)
    applied_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    applied_at = models.DateTimeField(editable=False)
    township_opinion = models.CharField(_("opinion of the township"), max_length=500, blank=True)
    township_rank = models.PositiveSmallIntegerField(_("rank inside the township"), null=True, blank=True)
    township_reviewed_by = models.ForeignKey(
        USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    township_reviewed_at = models.DateTimeField(null=True, editable=False)
    department_opinion = models.CharField(_("opinion of the department"), max_length=500, blank=True)
    rechecked_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    rechecked_at = models.DateTimeField(null=True, editable=False)
    is_granted = models.BooleanField(_("granted"), null=True, editable=False)
    met_on = models.DateField(_("day of the meeting"), null=True, editable=False)
    minute_number = models.CharField(_("number of the minutes"), max_length=60, blank=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=500, blank=True)
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    notice_from = models.DateField(_("notice from"), null=True, editable=False)
    notice_to = models.DateField(_("notice to"), null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    subject_path = "code"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag application")
        verbose_name_plural = _("flag applications")
        ordering: ClassVar[list[str]] = ["round", "path", "code"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["round", "state"], name="flag_applications_by_state"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["category", "village"], name="one_flag_application_per_round"),
            models.CheckConstraint(
                condition=Q(township_reviewed_by__isnull=True) | ~Q(township_reviewed_by=F("applied_by")),
                name="flag_reviewed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(rechecked_by__isnull=True)
                | (~Q(rechecked_by=F("applied_by")) & ~Q(rechecked_by=F("township_reviewed_by"))),
                name="flag_rechecked_by_another",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | (~Q(decided_by=F("applied_by")) & ~Q(decided_by=F("rechecked_by"))),
                name="flag_decided_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["public_notice", "objection_hold", "awarded"])
                | Q(is_granted=True, decided_by__isnull=False, notice_from__isnull=False, notice_to__isnull=False),
                name="flag_notice_follows_a_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.code}"


class FlagStep(models.Model):
    """One step of an application: who moved it, when, from where to where, and the points as they stood then."""

    application = models.ForeignKey(FlagApplication, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    former_state = models.CharField(max_length=18, choices=FlagApplication.State, blank=True)
    state = models.CharField(max_length=18, choices=FlagApplication.State)
    note = models.CharField(_("note"), max_length=500, blank=True)
    lines = models.JSONField(default=list)

    class Meta:
        verbose_name = _("step of an application")
        verbose_name_plural = _("steps of an application")
        ordering: ClassVar[list[str]] = ["application", "pk"]

    def __str__(self) -> str:
        return f"{self.application} {self.state}"


class FlagPanelScore(models.Model):
    """What one judge of the panel gave an application, or that the judge stood back (回避)."""

    application = models.ForeignKey(FlagApplication, on_delete=models.CASCADE, related_name="panel_scores")
    judge = models.CharField(_("judge"), max_length=40)
    score = models.DecimalField(_("score"), max_digits=5, decimal_places=2, null=True, blank=True)
    is_recused = models.BooleanField(_("stood back"), default=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("panel score")
        verbose_name_plural = _("panel scores")
        ordering: ClassVar[list[str]] = ["application", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["application", "judge"], name="one_panel_score_per_judge"),
            models.CheckConstraint(
                condition=Q(is_recused=True, score__isnull=True) | Q(is_recused=False, score__gte=0, score__lte=100),
                name="panel_score_or_recusal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judge}"


class FlagObjection(models.Model):
    """An objection raised while a flag stood in public notice, and what was found."""

    class Outcome(models.TextChoices):
        UPHELD = "upheld", _("Upheld")
        REJECTED = "rejected", _("Rejected")

    application = models.ForeignKey(FlagApplication, on_delete=models.PROTECT, related_name="objections")
    path = models.CharField(max_length=255, editable=False, db_index=True)
    code = models.CharField(max_length=6, editable=False)
    raised_on = models.DateField(_("raised on"))
    text = models.TextField(_("what is objected"))
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now_add=True)
    finding = models.TextField(_("finding"), blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    subject_path = "code"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("objection to a flag")
        verbose_name_plural = _("objections to flags")
        ordering: ClassVar[list[str]] = ["-entered_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("entered_by")),
                name="flag_objection_decided_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} {self.raised_on}"


class FlagAward(models.Model):
    """A flag that a village holds: from the award to its end, and the months it pays.

    `pay_from` is the first month paid, `pay_until` the last one; None is "as long as it is valid". A flag
    revoked for false data pays for no month: `pay_until` lies before `pay_from`. Prepared by staff, approved
    by a leader; never before the day after the notice. Only an approved award counts for anything.
    """

    application = models.OneToOneField(
        FlagApplication, on_delete=models.PROTECT, related_name="award", verbose_name=_("flag application")
    )
    round = models.ForeignKey(FlagRound, on_delete=models.PROTECT, related_name="awards", verbose_name=_("round"))
    code = models.CharField(max_length=6, editable=False)
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="flag_awards", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    number = models.CharField(_("number of the certificate"), max_length=40)
    notice_to = models.DateField(_("notice to"), editable=False)
    awarded_on = models.DateField(_("awarded on"))
    valid_to = models.DateField(_("valid until"))
    pay_from = models.DateField(_("first month paid"), editable=False)
    pay_until = models.DateField(_("last month paid"), null=True, editable=False)
    prepared_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    prepared_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    revoked_on = models.DateField(_("revoked on"), null=True, editable=False)
    expired_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    subject_path = "code"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        ordering: ClassVar[list[str]] = ["-awarded_on", "path", "code"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["village", "code", "awarded_on"], name="flags_of_a_village"),
            models.Index(fields=["valid_to"], name="flags_by_their_end"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["round", "code", "village"], name="one_flag_per_round_and_village"),
            models.UniqueConstraint(fields=["round", "number"], name="one_flag_per_certificate_number"),
            models.CheckConstraint(condition=Q(awarded_on__gt=F("notice_to")), name="flag_awarded_after_the_notice"),
            models.CheckConstraint(condition=Q(valid_to__gte=F("awarded_on")), name="flag_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("prepared_by")),
                name="flag_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(revoked_on__isnull=True) | Q(approved_by__isnull=False, pay_until__isnull=False),
                name="revoked_flag_has_a_last_month",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.code}"


class FlagRevocation(models.Model):
    """Why and when flags are taken from a village: proposed by staff, approved by a leader (handbook 2.3).

    `blocks_until`: last day on which the village may not apply; `blocks_open` is "until it is lifted".
    """

    class Reason(models.TextChoices):
        DISCIPLINE = "discipline", _("a cadre was disciplined in the period")
        APPRAISAL_LOW = "appraisal_low", _("village or secretary graded basically competent or lower")
        NEGATIVE_LIST = "negative_list", _("item of the negative list confirmed")
        FALSE_DATA = "false_data", _("false data")
        WEAK_BRANCH = "weak_branch", _("listed as a weak branch")
        FUND_MISUSE = "fund_misuse", _("misuse of funds")

    village = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="flag_revocations", verbose_name=_("village")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    awards = models.ManyToManyField(FlagAward, related_name="revocations", verbose_name=_("flags"))
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    happened_on = models.DateField(_("taken away on"))
    document = models.CharField(_("document number"), max_length=120)
    note = models.CharField(_("note"), max_length=500, blank=True)
    proposed_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    proposed_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    is_approved = models.BooleanField(_("approved"), null=True, editable=False)
    decision_note = models.CharField(_("reason of the decision"), max_length=500, blank=True)
    blocks_until = models.DateField(_("no application until"), null=True, editable=False)
    blocks_open = models.BooleanField(_("no application until it is lifted"), default=False, editable=False)
    lifted_on = models.DateField(_("lifted on"), null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("revocation of flags")
        verbose_name_plural = _("revocations of flags")
        ordering: ClassVar[list[str]] = ["-happened_on", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="flag_revocation_approved_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(is_approved=True) | Q(approved_by__isnull=False), name="flag_revocation_needs_an_approval"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.happened_on}"

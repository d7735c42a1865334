"""A project from the pool to its audit: who takes part, what it costs, what was decided (handbook 6.2, 6.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Round
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.models import Decision, Unit
from branches.querysets import ScopedQuerySet
from collective_economy.models.money import yuan
from collective_economy.models.programmes import FundSource, Programme, ProgrammeSource

User = settings.AUTH_USER_MODEL


class BusinessModel(models.TextChoices):
    """How a project earns (handbook 6.4), the reference district's five first."""

    PROPERTY = "property", _("property lease")
    SHARE = "share", _("share and dividend")
    FIRM_COOP = "firm_coop", _("village and firm together")
    ATTRACT = "attract", _("building to attract firms")
    TOURISM = "tourism", _("tourism service")
    RESOURCE = "resource", _("resource development")
    IDLE_ASSET = "idle_asset", _("reviving idle assets")
    SERVICE = "service", _("earning by services")
    INDUSTRY = "industry", _("own industry")
    JOINT = "joint", _("joint investment of villages")
    SOLAR = "solar", _("solar power")
    BRANCH_COOP = "branch_coop", _("cooperative led by the branch")


class Stage(models.TextChoices):
    """The ten stages of handbook 6.2, and the two ways out."""

    POOL = "pool", _("in the pool")
    APPLY = "apply", _("application")
    REVIEW = "review", _("panel review")
    APPROVE = "approve", _("notice and approval")
    IMPLEMENT = "implement", _("implementation")
    PAY = "pay", pgettext_lazy("stage", "payment")
    ACCEPT = "accept", _("acceptance")
    OPERATE = "operate", _("asset and income")
    EVALUATE = "evaluate", _("evaluation")
    AUDIT = "audit", _("audit")
    DONE = "done", pgettext_lazy("stage", "completed")
    STOPPED = "stopped", _("stopped")
    DROPPED = "dropped", _("out of the pool")


class Project(models.Model):
    """One project of one or several villages. `unit` is the lowest unit that holds all its villages."""

    class Procurement(models.TextChoices):
        TENDER = "tender", _("public tender")
        NEGOTIATED = "negotiated", _("negotiated purchase")
        INQUIRY = "inquiry", _("inquiry for offers")
        LABOUR = "labour", _("work for local labour")
        OWN = "own", _("built by the collective itself")

    class Risk(models.TextChoices):
        LOW = "low", _("low")
        MIDDLE = "middle", _("middle")
        HIGH = "high", _("high")

    # identity
    number = models.CharField(_("project number"), max_length=40)
    name = models.CharField(_("project"), max_length=120)
    year = models.PositiveSmallIntegerField(_("year"))
    programme = models.ForeignKey(
        Programme,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("support programme"),
    )
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        related_name="projects",
        verbose_name=pgettext_lazy("project", "place"),
        editable=False,
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    subject = models.CharField(max_length=10, default="F3", editable=False)
    business_model = models.CharField(_("business model"), max_length=12, choices=BusinessModel)
    line = models.CharField(_("crop or line"), max_length=60, blank=True)
    location = models.CharField(_("location"), max_length=120, blank=True)
    need = models.TextField(_("why it is needed"), blank=True)
    lead_unit = models.CharField(_("lead unit"), max_length=120, blank=True)
    responsible_name = models.CharField(_("responsible person"), max_length=60, blank=True)
    responsible_phone = models.CharField(_("phone"), max_length=20, blank=True)
    partner = models.CharField(_("partner"), max_length=120, blank=True)
    partner_number = models.CharField(_("partner's registration number"), max_length=40, blank=True)
    # plan
    start_on = models.DateField(_("planned start"), null=True, blank=True)
    finish_on = models.DateField(_("planned finish"), null=True, blank=True)
    expected_income = yuan(_("expected yearly income (yuan)"), null=True, blank=True)
    household_count = models.PositiveIntegerField(_("households taking part"), null=True, blank=True)
    job_count = models.PositiveIntegerField(pgettext_lazy("project", "jobs"), null=True, blank=True)
    benefit_sharing = models.CharField(_("sharing of the benefit"), max_length=200, blank=True)
    collective_percent = models.DecimalField(
        _("share of the collective (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    risk = models.CharField(_("risk"), max_length=6, choices=Risk, blank=True)
    risk_note = models.CharField(_("what the risk is and how it is met"), max_length=200, blank=True)
    # course
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.POOL, editable=False)
    stage_since = models.DateField(editable=False)
    pooled_on = models.DateField(_("in the pool since"), editable=False)
    decision = models.ForeignKey(
        Decision,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name=_("village decision"),
    )
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    signed_on = models.DateField(_("signed by the township on"), null=True, editable=False)
    approval_document = models.CharField(_("document of approval"), max_length=120, blank=True)
    plan_code = models.CharField(_("plan code"), max_length=40, blank=True)
    notice_from = models.DateField(_("notice from"), null=True, blank=True)
    notice_to = models.DateField(_("notice to"), null=True, blank=True)
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    approved_on = models.DateField(_("approved on"), null=True, editable=False)
    procurement = models.CharField(_("procurement"), max_length=10, choices=Procurement, blank=True)
    started_on = models.DateField(_("work began on"), null=True, blank=True)
    progress_percent = models.PositiveSmallIntegerField(
        _("progress of the work (%)"), default=0, validators=[MaxValueValidator(100)]
    )
    progress_note = models.CharField(_("how the work stands"), max_length=200, blank=True)
    accepted_on = models.DateField(_("accepted on"), null=True, blank=True)
    acceptance_panel = models.CharField(_("acceptance panel"), max_length=200, blank=True)
    acceptance_problems = models.TextField(_("problems found at acceptance"), blank=True)
    acceptance_closed_on = models.DateField(_("problems closed on"), null=True, blank=True)
    actual_cost = yuan(_("actual cost (yuan)"), null=True, blank=True)
    evaluated_on = models.DateField(_("evaluated on"), null=True, blank=True)
    actual_income = yuan(_("actual yearly income (yuan)"), null=True, blank=True)
    actual_job_count = models.PositiveIntegerField(_("jobs in fact"), null=True, blank=True)
    satisfaction_percent = models.DecimalField(
        _("satisfaction (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    audited_on = models.DateField(_("audited on"), null=True, blank=True)
    stop_document = models.CharField(_("document of the stop"), max_length=120, blank=True, editable=False)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    scope_parts: ClassVar[dict[str, str]] = {"view": "shares__path", "sign": "shares__path"}
    subject_path = "subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        ordering: ClassVar[list[str]] = ["-year", "path", "number"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["stage", "path"], name="project_by_stage"),
            models.Index(fields=["-year", "path", "number"], name="project_in_order"),
            models.Index(fields=["programme", "path"], name="project_by_programme"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["number", "year"], name="one_project_number_per_year"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("entered_by")),
                name="project_approved_by_another",
            ),
            models.CheckConstraint(condition=Q(progress_percent__lte=100), name="project_progress_within_100"),
            models.CheckConstraint(
                condition=Q(start_on__isnull=True) | Q(finish_on__isnull=True) | Q(finish_on__gte=F("start_on")),
                name="project_finish_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectShare(models.Model):
    """A village's part in a project; the parts of a project sum to exactly 100 percent."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="shares")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="project_shares", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    percent = models.DecimalField(_("share (%)"), max_digits=7, decimal_places=4, default=Decimal(100))

    scope_path = "path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("village's share in a project")
        verbose_name_plural = _("villages' shares in projects")
        ordering: ClassVar[list[str]] = ["project", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["project", "unit"], name="one_share_per_project_and_village"),
            models.CheckConstraint(condition=Q(percent__gt=0, percent__lte=100), name="share_between_0_and_100"),
        ]

    def __str__(self) -> str:
        return f"{self.percent.normalize():f} %"


class ProjectSource(models.Model):
    """The money of a project from one source. Received, paid and recalled are kept by the database from payments."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sources")
    source = models.CharField(_("source"), max_length=10, choices=FundSource)
    programme_source = models.ForeignKey(
        ProgrammeSource, on_delete=models.PROTECT, null=True, related_name="allocations", editable=False
    )
    requested = yuan(_("asked for (yuan)"), default=0)
    approved = yuan(_("approved (yuan)"), default=0, editable=False)
    received = yuan(pgettext_lazy("project", "received (yuan)"), default=0, editable=False)
    paid = yuan(_("paid (yuan)"), default=0, editable=False)
    recalled = yuan(_("recalled (yuan)"), default=0, editable=False)
    due_on = models.DateField(_("to be there by"), null=True, blank=True)
    """By when money that the project brings itself has to be there."""

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("money of a project")
        verbose_name_plural = _("money of projects")
        ordering: ClassVar[list[str]] = ["project", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["project", "source"], name="one_amount_per_project_and_source"),
            models.CheckConstraint(condition=Q(requested__gte=0, approved__gte=0), name="project_money_not_negative"),
            models.CheckConstraint(
                condition=Q(received__gte=0, received__lte=F("approved")), name="received_within_approved"
            ),
            models.CheckConstraint(
                # Rounded, since SQLite adds as floating point: 0.1 + 0.2 is more than 0.3 there.
                condition=Q(paid__gte=0, recalled__gte=0, received__gte=Round(F("paid") + F("recalled"), 2)),
                name="paid_within_received",
            ),
        ]

    def __str__(self) -> str:
        return self.get_source_display()

    @property
    def balance(self) -> Decimal:
        """Yuan that were received and neither paid nor recalled."""
        return self.received - self.paid - self.recalled


class BudgetLine(models.Model):
    """What a project's money is planned for."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="budget")
    item = models.CharField(_("budget item"), max_length=60)
    amount = yuan(_("budget (yuan)"))

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("budget item")
        verbose_name_plural = _("budget items")
        ordering: ClassVar[list[str]] = ["project", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["project", "item"], name="one_budget_line_per_item"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_line_above_0"),
        ]

    def __str__(self) -> str:
        return self.item


class Instalment(models.Model):
    """Part of the support money that is handed out when something is reached (handbook 6.2: 30, 50, 17, 3 percent)."""

    class Condition(models.TextChoices):
        START = "start", _("work has begun")
        PROGRESS = "progress", _("60 % of the work is done")
        ACCEPTANCE = "acceptance", pgettext_lazy("instalment", "accepted")
        RETENTION = "retention", _("one year after acceptance")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="instalments")
    condition = models.CharField(pgettext_lazy("instalment", "when"), max_length=10, choices=Condition)
    percent = models.DecimalField(_("share (%)"), max_digits=5, decimal_places=2)
    amount = yuan(_("amount (yuan)"))
    due_on = models.DateField(_("planned for"), null=True, blank=True)

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering: ClassVar[list[str]] = ["project", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["project", "condition"], name="one_instalment_per_condition"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="instalment_not_negative"),
        ]

    def __str__(self) -> str:
        return self.get_condition_display()


class Milestone(models.Model):
    """A step of the work with its planned day."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="milestones")
    name = models.CharField(_("milestone"), max_length=80)
    due_on = models.DateField(_("due on"))
    done_on = models.DateField(_("done on"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        ordering: ClassVar[list[str]] = ["project", "due_on", "pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["due_on"], name="milestone_by_day")]

    def __str__(self) -> str:
        return self.name


class ProjectStep(models.Model):
    """A project went from one stage to another. Steps are only added."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="steps")
    came_from = models.CharField(max_length=10, choices=Stage, blank=True)
    went_to = models.CharField(max_length=10, choices=Stage)
    on = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    document = models.CharField(_("document number"), max_length=120, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("step of a project")
        verbose_name_plural = _("steps of projects")
        ordering: ClassVar[list[str]] = ["project", "pk"]

    def __str__(self) -> str:
        return self.get_went_to_display()


class ProjectChange(models.Model):
    """A change of what was approved; from 20 % on the project goes back to review (handbook 6.2)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="changes")
    what = models.CharField(_("what changes"), max_length=200)
    reason = models.CharField(_("reason"), max_length=200)
    percent = models.DecimalField(_("extent (%)"), max_digits=6, decimal_places=2)
    document = models.CharField(_("document number"), max_length=120, blank=True)
    went_back = models.BooleanField(default=False)
    on = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a project")
        verbose_name_plural = _("changes of projects")
        ordering: ClassVar[list[str]] = ["project", "pk"]

    def __str__(self) -> str:
        return self.what


class ReviewOpinion(models.Model):
    """What one department of the panel says of an application (handbook 6.2, stage 3)."""

    class Department(models.TextChoices):
        ORGANIZATION = "organization", _("organization department")
        FINANCE = "finance", _("finance bureau")
        AGRICULTURE = "agriculture", _("agriculture bureau")
        REVITALISATION = "revitalisation", _("rural revitalisation")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="opinions")
    round = models.PositiveSmallIntegerField(default=1, editable=False)
    """A project that came back is reviewed anew."""
    department = models.CharField(_("department"), max_length=15, choices=Department)
    reviewer = models.CharField(_("member of the panel"), max_length=60)
    score = models.DecimalField(_("points (0–100)"), max_digits=5, decimal_places=2)
    agrees = models.BooleanField(_("agrees"))
    opinion = models.CharField(_("opinion"), max_length=300)
    on = models.DateField(_("reviewed on"))
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)

    scope_path = "project__path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("opinion of the panel")
        verbose_name_plural = _("opinions of the panel")
        ordering: ClassVar[list[str]] = ["project", "round", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["project", "round", "department"], name="one_opinion_per_round_and_department"
            ),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=100), name="panel_points_0_to_100"),
        ]

    def __str__(self) -> str:
        return self.get_department_display()

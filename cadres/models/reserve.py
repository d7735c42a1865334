"""The reserve: who is prepared for a post in a village, and how far they are (handbook 5)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres.dates import PartialDateField
from cadres.models.people import Person
from cadres.models.postings import Posting
from cadres.querysets import ReserveCadreQuerySet


class ReserveCadre(models.Model):
    """A person's entry in the reserve of a village (handbook 5)."""

    class Stage(models.TextChoices):
        NOMINATED = "nominated", _("nominated")
        REVIEWED = "reviewed", _("reviewed by the township")
        ON_RECORD = "on_record", _("on record with the county")
        TRAINING = "training", _("in training")
        PROMOTED = "promoted", _("promoted")
        REMOVED = "removed", _("taken off the reserve")

    class ExitReason(models.TextChoices):
        PROMOTED = "promoted", _("promoted")
        OVER_AGE = "over_age", _("over the age limit")
        UNQUALIFIED = "unqualified", _("rated unqualified")
        TWO_YEARS_UNQUALIFIED = "two_years_unqualified", _("rated unqualified two years running")
        DISCIPLINE = "discipline", _("breach of discipline")
        LEFT_AREA = "left_area", _("left the area")
        OWN_WISH = "own_wish", _("at their own wish")
        DECEASED = "deceased", _("deceased")
        OTHER = "other", _("other reason")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reserve", verbose_name=_("person"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="reserve", verbose_name=_("village"))
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.NOMINATED)
    occupation = models.CharField(_("present occupation"), max_length=60, blank=True)
    category = models.CharField(_("kind of person"), max_length=60, blank=True)
    intended_post = models.CharField(_("intended post"), max_length=60, blank=True)
    mentor = models.CharField(_("mentor"), max_length=60, blank=True)
    recommended_by = models.CharField(_("way of recommendation"), max_length=60, blank=True)
    source = models.CharField(_("source"), max_length=60, blank=True)
    training_plan = models.TextField(_("training plan"), blank=True)
    entered_on = PartialDateField(_("entered the reserve"))
    left_on = models.DateField(_("left the reserve"), null=True, blank=True)
    exit_reason = models.CharField(_("reason for leaving"), max_length=24, choices=ExitReason, blank=True)
    remark = models.TextField(_("remark"), blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ReserveCadreQuerySet.as_manager()

    class Meta:
        verbose_name = _("reserve cadre")
        verbose_name_plural = _("reserve cadres")
        ordering: ClassVar[list[str]] = ["unit__path", "person__name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(left_on__isnull=True), name="one_open_reserve_entry_per_person"
            ),
            models.CheckConstraint(
                condition=(Q(left_on__isnull=True) & ~Q(stage__in=("promoted", "removed")))
                | Q(left_on__isnull=False, stage__in=("promoted", "removed")),
                name="reserve_ends_promoted_or_removed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person)


class ReserveStep(models.Model):
    """One move of an entry from stage to stage: what makes the way from stock to office provable. Never changed."""

    entry = models.ForeignKey(ReserveCadre, on_delete=models.PROTECT, related_name="steps", verbose_name=_("entry"))
    from_stage = models.CharField(_("from"), max_length=10, choices=ReserveCadre.Stage, blank=True)
    to_stage = models.CharField(_("to"), max_length=10, choices=ReserveCadre.Stage)
    on = models.DateField(_("date"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    posting = models.ForeignKey(
        Posting,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reserve_steps",
        verbose_name=_("post it led to"),
    )
    """Of a promotion: the posting that proves it."""
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )

    scope_path = "entry__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("step in the reserve")
        verbose_name_plural = _("steps in the reserve")
        ordering: ClassVar[list[str]] = ["on", "pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["to_stage", "on"], name="reserve_step_by_stage")]

    def __str__(self) -> str:
        return f"{self.on} {self.get_to_stage_display()}"


class ReserveAssessment(models.Model):
    """The yearly assessment of somebody in the reserve."""

    class Grade(models.TextChoices):
        EXCELLENT = "excellent", _("excellent")
        QUALIFIED = "qualified", _("qualified")
        UNQUALIFIED = "unqualified", _("unqualified")

    entry = models.ForeignKey(
        ReserveCadre, on_delete=models.PROTECT, related_name="assessments", verbose_name=_("entry")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    grade = models.CharField(_("grade"), max_length=12, choices=Grade)
    note = models.CharField(_("note"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "entry__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("assessment of a reserve cadre")
        verbose_name_plural = _("assessments of reserve cadres")
        ordering: ClassVar[list[str]] = ["-year", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["entry", "year"], name="one_reserve_assessment_per_year"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.get_grade_display()}"

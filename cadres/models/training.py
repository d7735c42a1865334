"""Trainings and who took part."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres.models.people import Person


class Training(models.Model):
    """A course or a session, run by a county or a township for the people there and below."""

    class Kind(models.TextChoices):
        HEADS = "heads", _("secretaries and directors")
        NEW_CADRES = "new_cadres", _("newly elected cadres")
        CADRES = "cadres", _("village cadres")
        RESERVE = "reserve", _("reserve cadres")
        PARTY_WORKERS = "party_workers", _("township Party workers")
        SHADOWING = "shadowing", _("shadowing and central-task posts")
        OTHER = "other", _("other training")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="trainings", verbose_name=_("unit"))
    title = models.CharField(_("training"), max_length=120)
    kind = models.CharField(_("kind"), max_length=14, choices=Kind, default=Kind.CADRES)
    organiser = models.CharField(_("organiser"), max_length=120, blank=True)
    place = models.CharField(_("place"), max_length=120, blank=True)
    held_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    hours = models.DecimalField(
        _("hours"), max_digits=6, decimal_places=1, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    """Of the whole training; 8 hours are a day."""
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    shared: ClassVar[dict[str, str]] = {"view": "unit__path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("training")
        verbose_name_plural = _("trainings")
        ordering: ClassVar[list[str]] = ["-held_on", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "title", "held_on"], name="one_training_per_title_and_day"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("held_on")), name="training_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        return f"{self.held_on} {self.title}"


class Attendance(models.Model):
    """Somebody due at a training, and whether they came."""

    class Result(models.TextChoices):
        COMPLETED = "completed", _("completed")
        NOT_COMPLETED = "not_completed", _("not completed")
        EXCUSED = "excused", _("excused")
        ABSENT = "absent", _("absent")

    training = models.ForeignKey(
        Training, on_delete=models.PROTECT, related_name="attendances", verbose_name=_("training")
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="attendances", verbose_name=_("person"))
    result = models.CharField(_("result"), max_length=14, choices=Result, default=Result.COMPLETED)
    hours = models.DecimalField(
        _("hours"), max_digits=6, decimal_places=1, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    """Attended by this person."""
    note = models.CharField(_("note"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "person__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("attendance at a training")
        verbose_name_plural = _("attendances at trainings")
        ordering: ClassVar[list[str]] = ["-training__held_on", "person__unit__path", "person__name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["training", "person"], name="one_attendance_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.training}"

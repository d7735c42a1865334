"""What a village is to earn, and into which band what it earned falls."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from collective_economy.models.money import yuan
from collective_economy.models.projects import BusinessModel

User = settings.AUTH_USER_MODEL


class IncomeTarget(models.Model):
    """Operating income that a village is to reach in a year, with the county's document."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="income_targets", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    year = models.PositiveSmallIntegerField(_("year"))
    amount = yuan(_("target (yuan)"))
    document = models.CharField(_("document number"), max_length=120, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("income target")
        verbose_name_plural = _("income targets")
        ordering: ClassVar[list[str]] = ["-year", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "year"], name="one_income_target_per_year"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="income_target_not_negative"),
        ]

    def __str__(self) -> str:
        return str(self.year)


class BandRules(models.Model):
    """Bands of yearly operating income from a year on. `bands`: code, name, name_en, lower bound in yuan, rising."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    first_year = models.PositiveSmallIntegerField(_("from the year"))
    bands: models.JSONField[Any, Any] = models.JSONField(_("bands"))
    document = models.CharField(_("document number"), max_length=120, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("bands of income")
        verbose_name_plural = _("bands of income")
        ordering: ClassVar[list[str]] = ["path", "-first_year"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "first_year"], name="one_set_of_bands_per_year"),
        ]

    def __str__(self) -> str:
        return str(self.first_year)


class VillagePlan(models.Model):
    """How a village is to earn more: one plan per village (一村一策), with a target for each of its years."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="economy_plans", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    first_year = models.PositiveSmallIntegerField(_("first year"))
    last_year = models.PositiveSmallIntegerField(_("last year"))
    business_model = models.CharField(_("business model"), max_length=12, choices=BusinessModel)
    situation = models.TextField(_("where the village stands"))
    measures = models.TextField(_("measures"))
    responsible_name = models.CharField(_("responsible person"), max_length=60)
    targets: models.JSONField[Any, Any] = models.JSONField(_("yearly targets"), default=dict)
    """Year -> operating income in yuan, as text with cents."""
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("plan of a village")
        verbose_name_plural = _("plans of villages")
        ordering: ClassVar[list[str]] = ["path", "-first_year"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "first_year"], name="one_plan_per_village_and_first_year"),
            models.CheckConstraint(condition=Q(last_year__gte=F("first_year")), name="plan_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.first_year}–{self.last_year}"

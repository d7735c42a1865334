"""What a county asks of cadres and of the reserve: numbers that are data, not code (handbook 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet


class PeopleLimits(models.Model):
    """One row for a county. Without one the defaults here hold (`cadres.limits.limits_for`)."""

    unit = models.OneToOneField(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("county"))
    reserve_entry_age = models.PositiveSmallIntegerField(_("reserve: age limit at entry"), default=45)
    reserve_warning_age = models.PositiveSmallIntegerField(_("reserve: warning from the age of"), default=45)
    reserve_removal_age = models.PositiveSmallIntegerField(_("reserve: removal proposed from the age of"), default=50)
    reserve_education = models.CharField(
        _("reserve: lowest education"), max_length=2, default="61", help_text=_("Code of GB/T 4658; 61 is 普通高中.")
    )
    reserve_target = models.PositiveSmallIntegerField(_("reserve: people for each village"), default=2)
    heads_trainings = models.PositiveSmallIntegerField(_("secretaries and directors: trainings a year"), default=1)
    new_cadre_days = models.DecimalField(
        _("new cadres: days of training"), max_digits=4, decimal_places=1, default=Decimal(3)
    )
    new_cadre_months = models.PositiveSmallIntegerField(_("new cadres: months after taking office"), default=3)
    party_worker_days = models.DecimalField(
        _("township Party workers: days of training a year"), max_digits=4, decimal_places=1, default=Decimal(3)
    )
    vacancy_days = models.PositiveSmallIntegerField(_("vacant posts count after (days)"), default=30)
    secretary_vacancy_days = models.PositiveSmallIntegerField(_("a vacant secretary counts after (days)"), default=90)
    cadre_entry_age = models.PositiveSmallIntegerField(_("newly in office: age limit"), default=55)
    cadre_warning_age = models.PositiveSmallIntegerField(_("in office: warning from the age of"), default=60)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    shared: ClassVar[dict[str, str]] = {"view": "unit__path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("limits for cadres and the reserve")
        verbose_name_plural = _("limits for cadres and the reserve")
        ordering: ClassVar[list[str]] = ["unit__path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(reserve_removal_age__gte=F("reserve_warning_age")), name="reserve_warns_before_removal"
            ),
        ]

    def __str__(self) -> str:
        return str(self.unit)

"""Where support money comes from: a programme of a year, by the level that pays."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from collective_economy.models.money import yuan


class FundSource(models.TextChoices):
    """Who pays (handbook 6.3)."""

    CENTRAL = "central", _("central money")
    PROVINCE = "province", _("provincial money")
    CITY = "city", _("city money")
    COUNTY = "county", _("county money")
    OWN = "own", _("collective's own money")
    PARTNER = "partner", _("partner's money")
    LOAN = "loan", _("loan")
    OTHER = "other", _("other money")


SUPPORT = (FundSource.CENTRAL, FundSource.PROVINCE, FundSource.CITY, FundSource.COUNTY)
"""Support money: public money that a programme hands out. The rest a project brings itself."""


class Programme(models.Model):
    """Support money of a year for a county, with its document. Allocated once a second person has confirmed it."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="programmes", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    name = models.CharField(_("programme"), max_length=120)
    year = models.PositiveSmallIntegerField(_("year"))
    document = models.CharField(_("document number"), max_length=120)
    subject = models.CharField(
        _("flag of the lead department"),
        max_length=10,
        default="F3",
        help_text=_("Code of the red flag whose lead department sees these projects too."),
    )
    released_on = models.DateField(_("released on"))
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    confirmed_at = models.DateTimeField(null=True, editable=False)
    closed_on = models.DateField(pgettext_lazy("programme", "closed on"), null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    subject_path = "subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("support programme")
        verbose_name_plural = _("support programmes")
        ordering: ClassVar[list[str]] = ["-year", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "year", "name"], name="one_programme_name_per_year"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("entered_by")),
                name="programme_confirmed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProgrammeSource(models.Model):
    """What one level pays into a programme. `allocated` is kept by the database from the approvals of projects."""

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="sources")
    source = models.CharField(_("source"), max_length=10, choices=[(each.value, each.label) for each in SUPPORT])
    amount = yuan(_("amount (yuan)"))
    allocated = yuan(_("allocated (yuan)"), default=0, editable=False)

    scope_path = "programme__path"
    subject_path = "programme__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("money of a programme")
        verbose_name_plural = _("money of programmes")
        ordering: ClassVar[list[str]] = ["programme", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["programme", "source"], name="one_amount_per_programme_and_source"),
            models.CheckConstraint(
                condition=Q(allocated__gte=0, allocated__lte=F("amount")), name="allocated_within_programme"
            ),
        ]

    def __str__(self) -> str:
        return self.get_source_display()

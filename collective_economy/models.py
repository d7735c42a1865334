"""Money of village collectives."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet


class LedgerEntry(models.Model):
    """Income of a village in a month, of one category (handbook 6.5)."""

    class Category(models.TextChoices):
        OPERATING = "operating", _("operating income")
        CONTRACT = "contract", _("contract and handed-over income")
        INVESTMENT = "investment", _("investment income")
        OTHER_OPERATING = "other_operating", _("other operating income")
        SUBSIDY = "subsidy", _("subsidies")
        OTHER = "other", _("other income")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="ledger", verbose_name=_("village"))
    month = models.DateField(_("month"))
    """Its first day."""
    category = models.CharField(_("category"), max_length=16, choices=Category)
    amount = models.DecimalField(_("amount (yuan)"), max_digits=16, decimal_places=2, validators=[MinValueValidator(0)])
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger of collective income")
        ordering: ClassVar[list[str]] = ["unit__path", "month", "category"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "month", "category"], name="one_ledger_entry_per_category"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="ledger_amount_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.get_category_display()}"

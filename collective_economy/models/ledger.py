"""The ledger of a village: entries, the months they sum to, contracts and what is due by them."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from collective_economy.models.money import yuan
from collective_economy.models.projects import Project

User = settings.AUTH_USER_MODEL

INCOME = ("operating", "contract", "investment", "other_operating", "subsidy", "other")
COUNTED_AS_OPERATING = ("operating", "contract", "investment", "other_operating")
"""What counts as operating income; subsidies and other income do not (handbook 6.5)."""
EXPENSE = ("operating_cost", "management_cost", "other_cost")
CATEGORIES = INCOME + EXPENSE


class LedgerMonth(models.Model):
    """A village's month: the sums of its entries by category, kept by the database; closed, it never changes.

    A category without an entry is null, not zero. `opening` is the closing balance of the month before.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="ledger_months", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False)
    month = models.DateField(_("month"))
    """Its first day."""
    operating = yuan(_("operating income"), null=True, editable=False)
    contract = yuan(_("contract and handed-over income"), null=True, editable=False)
    investment = yuan(_("investment income"), null=True, editable=False)
    other_operating = yuan(_("other operating income"), null=True, editable=False)
    subsidy = yuan(_("subsidies"), null=True, editable=False)
    other = yuan(_("other income"), null=True, editable=False)
    operating_cost = yuan(_("operating expense"), null=True, editable=False)
    management_cost = yuan(_("management expense"), null=True, editable=False)
    other_cost = yuan(_("other expense"), null=True, editable=False)
    entry_count = models.PositiveIntegerField(default=0, editable=False)
    voucher_count = models.PositiveIntegerField(default=0, editable=False)
    """Entries that name their voucher."""
    opening = yuan(_("balance at the beginning (yuan)"), null=True, blank=True)
    statement_balance = yuan(_("balance by the bank statement (yuan)"), null=True, blank=True)
    difference_note = models.CharField(_("why the statement differs"), max_length=200, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("month of a ledger")
        verbose_name_plural = _("months of ledgers")
        ordering: ClassVar[list[str]] = ["path", "month"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["month", "path"], name="ledger_month_in_order"),
            models.Index(fields=["path", "month"], name="ledger_month_by_place"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "month"], name="one_ledger_month"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="ledger_month_closed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"

    def sum_of(self, categories: tuple[str, ...]) -> Decimal:
        """Yuan in these categories."""
        return sum((getattr(self, category) or Decimal(0) for category in categories), Decimal(0))

    @property
    def operating_income(self) -> Decimal:
        return self.sum_of(COUNTED_AS_OPERATING)

    @property
    def income(self) -> Decimal:
        return self.sum_of(INCOME)

    @property
    def expense(self) -> Decimal:
        return self.sum_of(EXPENSE)

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None


class Contract(models.Model):
    """What others owe the collective by contract: lease, dividend, service (handbook 6.3)."""

    class Kind(models.TextChoices):
        LEASE = "lease", _("lease")
        SHARE = "share", _("share")
        SERVICE = "service", _("service")
        LAND = "land", _("land or resource contract")
        BUILD = "build", _("building or purchase")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="contracts", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="contracts", verbose_name=_("project")
    )
    number = models.CharField(_("contract number"), max_length=40)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    party = models.CharField(_("party"), max_length=120)
    party_number = models.CharField(_("party's registration number"), max_length=40, blank=True)
    subject = models.CharField(_("what it is about"), max_length=120)
    signed_on = models.DateField(_("signed on"))
    starts_on = models.DateField(pgettext_lazy("contract", "from"))
    ends_on = models.DateField(pgettext_lazy("contract", "to"))
    yearly_amount = yuan(_("yearly amount (yuan)"), default=0)
    total_amount = yuan(_("contract price (yuan)"), default=0)
    """Of a building or purchase: what the collective owes."""
    guarantee = models.CharField(_("guarantee"), max_length=120, blank=True)
    ended_on = models.DateField(_("ended early on"), null=True, blank=True)
    end_reason = models.CharField(_("reason of the end"), max_length=200, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        ordering: ClassVar[list[str]] = ["path", "-starts_on", "pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["party_number"], name="contract_by_party")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "number"], name="one_contract_number_per_village"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="contract_ends_after_start"),
            models.CheckConstraint(
                condition=Q(yearly_amount__gte=0, total_amount__gte=0), name="contract_amounts_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.party}"


class Receivable(models.Model):
    """What is due by a contract on a day. `received` is kept by the database from the ledger's entries."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="receivables")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="receivables", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False)
    due_on = models.DateField(pgettext_lazy("receivable", "due on"))
    amount = yuan(_("due (yuan)"))
    received = yuan(_("received (yuan)"), default=0, editable=False)
    waived_on = models.DateField(null=True, editable=False)
    """From when on it is no longer asked for: the contract ended, or members decided so (handbook 6.6)."""
    waiver = models.CharField(max_length=200, blank=True, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("receivable")
        verbose_name_plural = _("receivables")
        ordering: ClassVar[list[str]] = ["due_on", "path"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["path", "due_on"], name="receivable_by_place"),
            models.Index(fields=["unit", "due_on"], name="receivable_by_village"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["contract", "due_on"], name="one_receivable_per_contract_and_day"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receivable_above_0"),
            models.CheckConstraint(
                condition=Q(received__gte=0, received__lte=F("amount")), name="received_within_receivable"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.due_on}"

    @property
    def missing(self) -> Decimal:
        """Yuan that are still to come."""
        return Decimal(0) if self.waived_on else self.amount - self.received


class LedgerEntry(models.Model):
    """Income or expense of a village (handbook 6.5, 6.6).

    Either one entry of a day, or the total of a category for a month as a sheet brought it (`is_total`). An entry of
    a closed month stays; `reverses` takes it back in an open month with the opposite amount.
    """

    class Category(models.TextChoices):
        OPERATING = "operating", _("operating income")
        CONTRACT = "contract", _("contract and handed-over income")
        INVESTMENT = "investment", _("investment income")
        OTHER_OPERATING = "other_operating", _("other operating income")
        SUBSIDY = "subsidy", _("subsidies")
        OTHER = "other", _("other income")
        OPERATING_COST = "operating_cost", _("operating expense")
        MANAGEMENT_COST = "management_cost", _("management expense")
        OTHER_COST = "other_cost", _("other expense")

    class Account(models.TextChoices):
        COLLECTIVE = "collective", _("collective's account")
        SUPERVISED = "supervised", _("supervised account")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="ledger", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False)
    month = models.DateField(_("month"))
    """Its first day."""
    day = models.DateField(_("day"), null=True, blank=True)
    is_total = models.BooleanField(_("total of a month"), default=False, editable=False)
    category = models.CharField(_("category"), max_length=16, choices=Category)
    amount = yuan(_("amount (yuan)"))
    summary = models.CharField(_("what for"), max_length=120, blank=True)
    counterparty = models.CharField(_("payer or payee"), max_length=120, blank=True)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="entries", verbose_name=_("project")
    )
    receivable = models.ForeignKey(
        Receivable,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        verbose_name=_("receivable"),
    )
    voucher_number = models.CharField(_("voucher number"), max_length=40, blank=True)
    receipt_number = models.CharField(_("receipt number"), max_length=40, blank=True)
    account = models.CharField(
        pgettext_lazy("ledger", "account"), max_length=10, choices=Account, default=Account.COLLECTIVE
    )
    attachment_count = models.PositiveSmallIntegerField(_("supporting papers"), default=0)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by", editable=False
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger of collective income")
        ordering: ClassVar[list[str]] = ["path", "month", "category", "pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["unit", "month"], name="entry_by_village_and_month"),
            models.Index(fields=["path", "month"], name="entry_by_place"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["unit", "month", "category"], condition=Q(is_total=True), name="one_ledger_total_per_category"
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, amount__gte=0) | Q(reverses__isnull=False, amount__lte=0),
                name="ledger_amount_has_its_sign",
            ),
            models.CheckConstraint(
                condition=Q(is_total=True, day__isnull=True)
                | Q(is_total=False, day__isnull=False, day__gte=F("month")),
                name="ledger_entry_has_a_day_or_is_a_total",
            ),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True) | Q(entered_by__isnull=True) | ~Q(checked_by=F("entered_by")),
                name="ledger_entry_checked_by_another",
            ),
            models.CheckConstraint(condition=Q(category__in=CATEGORIES), name="ledger_category_known"),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | ~Q(reason=""), name="ledger_reversal_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.get_category_display()}"

    @property
    def is_expense(self) -> bool:
        return self.category in EXPENSE

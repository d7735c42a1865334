"""What a project leaves behind, the papers that prove it, and what audits find."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from collective_economy.models.ledger import Contract, LedgerEntry
from collective_economy.models.money import yuan
from collective_economy.models.payments import Payment
from collective_economy.models.projects import Project

User = settings.AUTH_USER_MODEL


class Asset(models.Model):
    """The card of something the collective owns (handbook 6.3)."""

    class Kind(models.TextChoices):
        BUILDING = "building", _("building")
        EQUIPMENT = "equipment", _("equipment")
        FACILITY = "facility", _("facility")
        BIOLOGICAL = "biological", _("plants and livestock")
        SHARE = "share", pgettext_lazy("asset", "share in a firm")
        RESOURCE = "resource", _("land and other resources")

    class State(models.TextChoices):
        IN_USE = "in_use", _("in use")
        LEASED = "leased", _("leased out")
        IDLE = "idle", _("idle")
        DAMAGED = "damaged", _("damaged")
        DISPOSED = "disposed", _("disposed of")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="assets", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="assets", verbose_name=_("project")
    )
    contract = models.ForeignKey(
        Contract,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="assets",
        verbose_name=_("contract of use"),
    )
    number = models.CharField(_("card number"), max_length=40)
    name = models.CharField(_("asset"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=2, default=1)
    measure = models.CharField(pgettext_lazy("asset", "measure"), max_length=20, blank=True)
    value = yuan(_("value (yuan)"))
    location = models.CharField(_("location"), max_length=120, blank=True)
    owner = models.CharField(_("owner"), max_length=120)
    user = models.CharField(pgettext_lazy("asset", "user"), max_length=120, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.IN_USE)
    registered_on = models.DateField(_("registered on"))
    checked_on = models.DateField(_("last checked on"), null=True, blank=True)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("asset card")
        verbose_name_plural = _("asset cards")
        ordering: ClassVar[list[str]] = ["path", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "number"], name="one_asset_number_per_village"),
            models.CheckConstraint(condition=Q(value__gte=0, quantity__gt=0), name="asset_value_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class AuditFinding(models.Model):
    """A problem that an audit or inspection of money found. It is closed with evidence by another person."""

    class Kind(models.TextChoices):
        MANAGEMENT = "management", _("project management")
        USE = "use", _("use of money")
        DISTRIBUTION = "distribution", _("income not distributed by rule")
        ACCOUNTS = "accounts", _("accounts and vouchers")
        CONTRACT = "contract", _("contracts and receivables")
        ASSET = "asset", _("assets")
        MISUSE = "misuse", _("misuse, interception or false claim")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="audit_findings", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="findings", verbose_name=_("project")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    found_on = models.DateField(_("found on"))
    found_by = models.CharField(_("found by"), max_length=120)
    document = models.CharField(_("document number"), max_length=120, blank=True)
    amount = yuan(_("amount (yuan)"), null=True, blank=True)
    problem = models.TextField(_("problem"))
    measure = models.TextField(_("what has to be done"))
    due_on = models.DateField(_("due on"))
    is_confirmed = models.BooleanField(_("confirmed by the investigation"), default=False)
    """Of a misuse: from `confirmed_on` on it is a veto (V2) and stops the industry flag."""
    confirmed_on = models.DateField(_("confirmed on"), null=True, blank=True)
    evidence = models.TextField(_("evidence that it is put right"), blank=True)
    handed_in_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    handed_in_on = models.DateField(null=True, editable=False)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    closed_on = models.DateField(_("closed on"), null=True, editable=False)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit finding")
        verbose_name_plural = _("audit findings")
        ordering: ClassVar[list[str]] = ["closed_on", "due_on", "pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["unit", "due_on"], name="finding_by_village")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True, closed_by__isnull=True)
                | (
                    Q(closed_on__isnull=False, closed_by__isnull=False, handed_in_by__isnull=False)
                    & ~Q(closed_by=F("handed_in_by"))
                    & ~Q(evidence="")
                ),
                name="finding_closed_by_another_with_evidence",
            ),
            models.CheckConstraint(
                condition=Q(is_confirmed=False, confirmed_on__isnull=True)
                | Q(is_confirmed=True, confirmed_on__isnull=False),
                name="finding_confirmed_on_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Attachment(models.Model):
    """A paper as a file, sealed in the database. It belongs to a project and, where named, to one payment, entry,
    contract or finding."""

    path = models.CharField(max_length=255, editable=False, db_index=True)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, related_name="attachments")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="attachments")
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, null=True, related_name="attachments")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, null=True, related_name="attachments")
    finding = models.ForeignKey(AuditFinding, on_delete=models.PROTECT, null=True, related_name="attachments")
    name = models.CharField(_("file name"), max_length=120)
    content_type = models.CharField(max_length=20)
    """pdf, jpg or png, as its content says."""
    size = models.PositiveIntegerField()
    """Bytes."""
    checksum = models.CharField(max_length=64, editable=False)
    uid = models.UUIDField(editable=False, unique=True)
    sealed_file = models.BinaryField(editable=False)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    uploaded_at = models.DateTimeField(editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("paper")
        verbose_name_plural = _("papers")
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(project__isnull=False)
                | Q(entry__isnull=False)
                | Q(contract__isnull=False)
                | Q(finding__isnull=False),
                name="paper_belongs_to_something",
            ),
        ]

    def __str__(self) -> str:
        return self.name

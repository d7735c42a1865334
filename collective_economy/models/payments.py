"""Money of a project on its way: received, paid, recalled. Entered by one person, confirmed by another."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.querysets import ScopedQuerySet
from collective_economy.models.money import yuan
from collective_economy.models.projects import BudgetLine, Instalment, Project, ProjectSource

User = settings.AUTH_USER_MODEL

ALLOWED_USES = ("build", "equipment", "material", "land", "share", "service", "training", "management", "other")
"""Codes of `Payment.Use`: what does raise the income of the collective (handbook 6.7)."""


class Payment(models.Model):
    """One movement of a project's money. It counts once confirmed; a confirmed one is only taken back by a reversal."""

    class Kind(models.TextChoices):
        RECEIPT = "receipt", _("handed out to the project")
        PAYMENT = "payment", _("paid by the project")
        RECALL = "recall", _("recalled")

    class State(models.TextChoices):
        ENTERED = "entered", _("waits for confirmation")
        CONFIRMED = "confirmed", _("confirmed")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Use(models.TextChoices):
        """What the money was used for. Only these can be stored; the forbidden ones are in `uses.RED_LINES`."""

        BUILD = "build", _("building and works")
        EQUIPMENT = "equipment", _("equipment")
        MATERIAL = "material", _("materials, seed and stock")
        LAND = "land", _("land and lease")
        SHARE = "share", _("share in a firm")
        SERVICE = "service", _("design, supervision, assessment")
        TRAINING = "training", _("training")
        MANAGEMENT = "management", _("management fee")
        OTHER = "other", _("other use for the project")

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="payments")
    path = models.CharField(max_length=255, editable=False, db_index=True)
    source = models.ForeignKey(
        ProjectSource, on_delete=models.PROTECT, related_name="payments", verbose_name=_("source")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    amount = yuan(_("amount (yuan)"))
    paid_on = models.DateField(_("day"))
    summary = models.CharField(_("what for"), max_length=120)
    use = models.CharField(_("use"), max_length=10, choices=Use, blank=True)
    payee = models.CharField(_("payee"), max_length=120, blank=True)
    voucher_number = models.CharField(_("voucher number"), max_length=40)
    instalment = models.ForeignKey(
        Instalment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        verbose_name=_("instalment"),
    )
    budget_line = models.ForeignKey(
        BudgetLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        verbose_name=_("budget item"),
    )
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by", editable=False
    )
    """The confirmed movement that this one takes back: same kind, source and amount."""
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ENTERED, editable=False)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False)
    entered_at = models.DateTimeField(editable=False)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_note = models.CharField(max_length=200, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    subject_path = "project__subject"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("project", "payment")
        verbose_name_plural = _("payments")
        ordering: ClassVar[list[str]] = ["-paid_on", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "state", "kind"], name="payment_by_source"),
            models.Index(fields=["project", "-paid_on", "-id"], name="payment_by_project"),
            models.Index(fields=["state", "path"], name="payment_by_state"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_above_0"),
            models.CheckConstraint(condition=~Q(voucher_number=""), name="payment_has_voucher_number"),
            models.CheckConstraint(condition=Q(kind__in=("receipt", "payment", "recall")), name="payment_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="payment", use__in=ALLOWED_USES) | (~Q(kind="payment") & Q(use="")),
                name="payment_use_is_allowed",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("confirmed", "refused"))
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("entered_by"))),
                name="payment_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("entered", "confirmed", "refused", "withdrawn")), name="payment_state_known"
            ),
            models.CheckConstraint(condition=Q(reverses__isnull=True) | ~Q(reason=""), name="reversal_has_reason"),
        ]

    def __str__(self) -> str:
        return self.summary

"""Pay that follows flags and grades: rates and rules with dates, monthly sheets, and their lines.

What is entered is yuan with two decimals; what is paid is kept in whole cents (分), so that sums and checks
are exact in both databases. Rules: handbook 2.4 and 3.8, docs/rules/pay.md.
"""

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
from cadres.models import Person, Posting

USER = settings.AUTH_USER_MODEL


class RoleGroup(models.TextChoices):
    """By which row of the rate table somebody is paid."""

    SECRETARY = "secretary", _("Secretary")
    DIRECTOR = "director", _("Director")
    OTHER = "other", _("Other members of the two committees")


class PayRules(models.Model):
    """How a county turns flags into pay, from a month on. Never overwritten: a change is a later row.

    `deciding_day`: who holds a post on this day of the month is paid for the month by that post.
    `starts`, `stops`: the month of an award, and of a revocation, counts or not. `other_posts`: posts paid
    as "other" beside secretary and director.
    """

    class Starts(models.TextChoices):
        SAME_MONTH = "same_month", _("with the month of the award")
        NEXT_MONTH = "next_month", _("with the month after the award")

    class Stops(models.TextChoices):
        SAME_MONTH = "same_month", _("before the month of the revocation")
        NEXT_MONTH = "next_month", _("after the month of the revocation")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="pay_rules", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    valid_from = models.DateField(_("from month"))
    document = models.CharField(_("document number"), max_length=120)
    deciding_day = models.PositiveSmallIntegerField(_("day that decides the post"), default=1)
    starts = models.CharField(_("pay begins"), max_length=10, choices=Starts, default=Starts.NEXT_MONTH)
    stops = models.CharField(_("pay ends"), max_length=10, choices=Stops, default=Stops.NEXT_MONTH)
    other_posts = models.JSONField(_("posts paid as other members"), default=list)
    within_approved_posts = models.BooleanField(_("only posts inside the approved number"), default=True)
    grade_shares = models.JSONField(
        _("share of performance pay by grade"),
        default=dict,
        help_text=_("Such as 1.2 for excellent; a grade that is missing earns nothing."),
    )
    performance_month = models.PositiveSmallIntegerField(
        _("month of the following year in which performance pay is paid"), default=1
    )
    budget = models.DecimalField(_("budget of a year (yuan)"), max_digits=14, decimal_places=2, null=True, blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("rules of pay")
        verbose_name_plural = _("rules of pay")
        ordering: ClassVar[list[str]] = ["path", "-valid_from"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "valid_from"], name="one_set_of_pay_rules_per_month"),
            models.CheckConstraint(condition=Q(deciding_day__gte=1, deciding_day__lte=28), name="pay_day_in_range"),
            models.CheckConstraint(
                condition=Q(performance_month__gte=1, performance_month__lte=12), name="performance_month_in_range"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("entered_by")),
                name="pay_rules_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.valid_from:%Y-%m}"


class UpliftRate(models.Model):
    """What one flag, or a year of performance, is worth to a role group from a month on.

    The latest approved row that has begun holds, the one for the flag's own category before the one for all.
    Never overwritten (handbook 2.4 rule 1).
    """

    class Kind(models.TextChoices):
        MONTHLY = "monthly", _("per flag and month")
        ONCE = "once", _("per flag, once with the first month")
        PERFORMANCE = "performance", _("performance pay of a year")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="uplift_rates", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.MONTHLY)
    role_group = models.CharField(_("role group"), max_length=10, choices=RoleGroup)
    code = models.CharField(_("flag category"), max_length=6, blank=True, help_text=_("Empty: every category."))
    amount = models.DecimalField(_("amount (yuan)"), max_digits=10, decimal_places=2)
    valid_from = models.DateField(_("from month"))
    document = models.CharField(_("document number"), max_length=120)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    entered_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        ordering: ClassVar[list[str]] = ["path", "kind", "-valid_from", "role_group"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["unit", "kind", "role_group", "code", "valid_from"], name="one_rate_per_start"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="rate_is_not_negative"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("entered_by")), name="rate_approved_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_group_display()} {self.amount}"


class PaySheet(models.Model):
    """What a township's cadres are paid in a month (发放表): the month's lines, and the differences of earlier months.

    Prepared by county staff, signed by the township, approved by a leader, locked by its export, settled by
    what the finance office reports back. `total_cents` and `people` are the sums of its lines, stored with them.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SIGNED = "signed", _("Signed by the township")
        APPROVED = "approved", _("Approved")
        EXPORTED = "exported", _("Handed to the finance office")
        SETTLED = "settled", _("Settled")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="pay_sheets", verbose_name=_("township"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    month = models.DateField(_("month"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    total_cents = models.BigIntegerField(_("total (cents)"), default=0)
    people = models.PositiveIntegerField(_("people paid"), default=0)
    prepared_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    prepared_at = models.DateTimeField(editable=False)
    signed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    signed_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    exported_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    exported_at = models.DateTimeField(null=True, editable=False)
    checksum = models.CharField(_("checksum of the exported lines"), max_length=64, blank=True, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    approved_numbers = models.JSONField(
        default=dict,
        editable=False,
        help_text=_("Approved posts of each village as they stood when the sheet was prepared."),
    )
    returned_reason = models.CharField(_("reason of the return"), max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("pay sheet")
        verbose_name_plural = _("pay sheets")
        ordering: ClassVar[list[str]] = ["-month", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["month", "unit"], name="one_pay_sheet_per_township_and_month"),
            models.CheckConstraint(
                condition=Q(signed_by__isnull=True) | ~Q(signed_by=F("prepared_by")), name="pay_sheet_signed_by_another"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (~Q(approved_by=F("prepared_by")) & ~Q(approved_by=F("signed_by"))),
                name="pay_sheet_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(signed_by__isnull=False), name="pay_sheet_needs_a_signature"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "signed"]) | Q(approved_by__isnull=False),
                name="pay_sheet_needs_an_approval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.month:%Y-%m}"

    @property
    def total(self) -> Decimal:
        """Yuan."""
        return Decimal(self.total_cents).scaleb(-2)


class PayLine(models.Model):
    """What somebody is paid for a month in a village: flags × rates, and performance pay as a column of its own.

    `for_month` before the sheet's month: a difference to what was paid then, which may be negative.
    `flags`: what was paid for, `[{"award": 12, "code": "F1", "cents": 50000}]`; they sum to `uplift_cents`.
    `note`: why nothing is paid, or why there is a difference. A line without money stays on the
    sheet, so that nobody has to ask where a name went.
    """

    class Note(models.TextChoices):
        NONE = "", "—"
        SUSPENDED = "suspended", _("suspended for education")
        OUTSIDE_APPROVED = "outside_approved", _("outside the approved number of posts")
        POST_CHANGED = "post_changed", _("a change of post became known later")
        FLAG_CHANGED = "flag_changed", _("a change of flags became known later")
        RATE_CHANGED = "rate_changed", _("a change of the rate became known later")
        GRADE_CHANGED = "grade_changed", _("a change of the grade became known later")
        PAID_ELSEWHERE = "paid_elsewhere", _("paid in another village")

    class Payment(models.TextChoices):
        OPEN = "open", pgettext_lazy("payment", "Not reported yet")
        PAID = "paid", pgettext_lazy("payment", "Paid")
        FAILED = "failed", pgettext_lazy("payment", "Failed")

    sheet = models.ForeignKey(PaySheet, on_delete=models.CASCADE, related_name="lines", verbose_name=_("pay sheet"))
    number = models.PositiveIntegerField(
        _("line number"), default=0, help_text=_("From 1 within the sheet; the finance office reports by it.")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="pay_lines", verbose_name=_("village"))
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="pay_lines", verbose_name=_("person"))
    posting = models.ForeignKey(
        Posting, on_delete=models.PROTECT, null=True, related_name="pay_lines", verbose_name=_("posting")
    )
    role_group = models.CharField(_("role group"), max_length=10, choices=RoleGroup)
    for_month = models.DateField(_("for month"))
    flags = models.JSONField(_("flags"), default=list)
    uplift_cents = models.IntegerField(_("flag uplift (cents)"), default=0)
    performance_cents = models.IntegerField(_("performance pay (cents)"), default=0)
    amount_cents = models.IntegerField(_("amount (cents)"), default=0)
    note = models.CharField(_("remark"), max_length=20, choices=Note, blank=True)
    payment = models.CharField(_("payment"), max_length=8, choices=Payment, default=Payment.OPEN)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    failure = models.CharField(_("why the payment failed"), max_length=200, blank=True)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("line of a pay sheet")
        verbose_name_plural = _("lines of pay sheets")
        ordering: ClassVar[list[str]] = ["sheet", "number"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["person", "for_month"], name="pay_of_a_person"),
            models.Index(fields=["for_month"], name="pay_by_month"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["sheet", "person", "village", "for_month"], name="one_pay_line_per_person_and_month"
            ),
            models.UniqueConstraint(fields=["sheet", "number"], name="one_pay_line_per_number"),
            models.CheckConstraint(
                condition=Q(amount_cents=F("uplift_cents") + F("performance_cents")), name="pay_line_sums_its_columns"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.for_month:%Y-%m}"

    @property
    def amount(self) -> Decimal:
        """Yuan."""
        return Decimal(self.amount_cents).scaleb(-2)

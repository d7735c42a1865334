"""The month: the scheme it is scored by, what townships enter, and the ranking that follows."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from assessments.querysets import RankingQuerySet, ResultQuerySet, SchemePartQuerySet, SchemeQuerySet
from branches.models import Unit, VillageClass
from branches.querysets import ScopedQuerySet

USER = settings.AUTH_USER_MODEL


class Scheme(models.Model):
    """One version of a county's rules for the month. Published versions never change (handbook 11.1)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="schemes", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=160, blank=True)
    number = models.CharField(_("version"), max_length=20, help_text=_("Such as 2026-2."))
    document = models.CharField(_("document number"), max_length=120, blank=True)
    catalogue_number = models.CharField(_("catalogue number"), max_length=40, blank=True)
    owner = models.CharField(_("responsible office"), max_length=60, blank=True)
    minutes_needed = models.PositiveSmallIntegerField(_("minutes needed"), default=10)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    first_month = models.DateField(_("in force from month"), null=True, blank=True)
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    bonus_cap = models.DecimalField(_("bonus cap"), max_digits=4, decimal_places=2, default=Decimal(5))
    penalty_cap = models.DecimalField(_("penalty cap"), max_digits=4, decimal_places=2, default=Decimal(10))
    grade_lines = models.JSONField(_("grade lines"), default=list)
    calendar = models.JSONField(_("calendar"), default=dict, help_text=_("Days and hours of the steps of a month."))
    snapshot = models.JSONField(_("rules as published"), null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    changed_at = models.DateTimeField(_("changed at"), null=True, editable=False)
    changed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    undo = models.JSONField(null=True, editable=False, help_text=_("The draft before its last change."))
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = SchemeQuerySet.as_manager()

    class Meta:
        verbose_name = _("scheme")
        verbose_name_plural = _("schemes")
        ordering: ClassVar[list[str]] = ["path", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "number"], name="one_scheme_per_number"),
            models.CheckConstraint(
                condition=Q(state="draft") | (Q(snapshot__isnull=False) & Q(first_month__isnull=False)),
                name="published_scheme_is_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Category(models.Model):
    """A group of indicators, inside which the weight of what does not apply is spread."""

    scheme = models.ForeignKey(Scheme, on_delete=models.CASCADE, related_name="categories")
    code = models.CharField(_("code"), max_length=4)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    sort = models.PositiveSmallIntegerField(default=0)

    scope_path = "scheme__path"
    shared: ClassVar[dict[str, str]] = {"view": "scheme__path"}
    objects = SchemePartQuerySet.as_manager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering: ClassVar[list[str]] = ["scheme", "sort", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scheme", "code"], name="one_category_code_per_scheme"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Indicator(models.Model):
    """One scored number of a scheme. Rule types and their parameters: assessments/rules.py."""

    class Source(models.TextChoices):
        SYSTEM = "S", _("computed by the system")
        TOWNSHIP = "T", _("entered by the township")
        COUNTY = "C", _("entered by the county")

    scheme = models.ForeignKey(Scheme, on_delete=models.CASCADE, related_name="indicators")
    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, related_name="indicators", verbose_name=_("category")
    )
    code = models.CharField(_("code"), max_length=6)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    short_name = models.CharField(_("column heading"), max_length=20, blank=True)
    short_name_en = models.CharField(_("English column heading"), max_length=40, blank=True)
    weight = models.DecimalField(_("weight"), max_digits=4, decimal_places=1)
    rule_type = models.CharField(_("rule"), max_length=20)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    source = models.CharField(_("source"), max_length=1, choices=Source)
    source_code = models.CharField(_("computed from"), max_length=60, blank=True)
    unit_label = models.CharField(_("unit"), max_length=20, blank=True)
    unit_label_en = models.CharField(_("English unit"), max_length=30, blank=True)
    has_denominator = models.BooleanField(_("is a share of something"), default=False)
    numerator_label = models.CharField(_("label of the counted part"), max_length=40, blank=True)
    numerator_label_en = models.CharField(_("English label of the counted part"), max_length=60, blank=True)
    denominator_label = models.CharField(_("label of the whole"), max_length=40, blank=True)
    denominator_label_en = models.CharField(_("English label of the whole"), max_length=60, blank=True)
    denominator_source = models.CharField(_("where the whole comes from"), max_length=60, blank=True)
    definition = models.TextField(_("counting definition"), blank=True)
    sort = models.PositiveSmallIntegerField(default=0)

    scope_path = "scheme__path"
    shared: ClassVar[dict[str, str]] = {"view": "scheme__path"}
    objects = SchemePartQuerySet.as_manager()

    class Meta:
        verbose_name = _("indicator")
        verbose_name_plural = _("indicators")
        ordering: ClassVar[list[str]] = ["scheme", "category__sort", "sort", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scheme", "code"], name="one_indicator_code_per_scheme"),
            models.CheckConstraint(condition=Q(weight__gte=0) & Q(weight__lte=100), name="indicator_weight_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class AdjustmentItem(models.Model):
    """A bonus, penalty or veto that a scheme knows (handbook 4: P, N and V items)."""

    class Kind(models.TextChoices):
        BONUS = "bonus", _("bonus")
        PENALTY = "penalty", _("penalty")
        VETO = "veto", _("veto")

    scheme = models.ForeignKey(Scheme, on_delete=models.CASCADE, related_name="adjustment_items")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    code = models.CharField(_("code"), max_length=6)
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=160, blank=True)
    levels = models.JSONField(
        _("levels"), default=list, blank=True, help_text=_("Pairs of a level's name and its points.")
    )
    cap = models.DecimalField(_("cap of the item"), max_digits=4, decimal_places=2, null=True, blank=True)
    unit_label = models.CharField(_("unit"), max_length=20, blank=True)
    unit_label_en = models.CharField(_("English unit"), max_length=30, blank=True)
    needs_document = models.BooleanField(_("needs a document number"), default=True)
    grade_cap = models.CharField(_("best grade of the month"), max_length=20, blank=True)
    year_grade_cap = models.CharField(_("best grade of the year"), max_length=20, blank=True)
    ranks_last = models.BooleanField(_("listed after all others"), default=True)
    source = models.CharField(_("source"), max_length=1, choices=Indicator.Source, default=Indicator.Source.COUNTY)
    source_code = models.CharField(_("computed from"), max_length=60, blank=True)
    sort = models.PositiveSmallIntegerField(default=0)

    scope_path = "scheme__path"
    shared: ClassVar[dict[str, str]] = {"view": "scheme__path"}
    objects = SchemePartQuerySet.as_manager()

    class Meta:
        verbose_name = _("bonus, penalty or veto item")
        verbose_name_plural = _("bonus, penalty and veto items")
        ordering: ClassVar[list[str]] = ["scheme", "kind", "sort", "code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["scheme", "code"], name="one_adjustment_code_per_scheme"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class SchemeExample(models.Model):
    """Values of an invented village and the points they must give before the scheme can be published."""

    scheme = models.ForeignKey(Scheme, on_delete=models.CASCADE, related_name="examples")
    title = models.CharField(_("title"), max_length=120)
    values = models.JSONField(_("values"), default=dict)
    expected = models.JSONField(_("expected points"), default=dict)
    sort = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("worked example")
        verbose_name_plural = _("worked examples")
        ordering: ClassVar[list[str]] = ["scheme", "sort", "pk"]

    def __str__(self) -> str:
        return self.title


class Period(models.Model):
    """A month of a county, from opening to closing."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        OPEN = "open", _("Open")
        LOCKED = "locked", _("Locked")
        COMPUTED = "computed", _("Computed")
        PUBLISHED = "published", _("Published")
        CLOSED = "closed", _("Closed")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="periods", verbose_name=_("county"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    month = models.DateField(_("month"))
    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="periods", verbose_name=_("scheme"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PLANNED)
    opens_at = models.DateTimeField(_("opens"))
    submit_by = models.DateTimeField(_("submit by"))
    review_by = models.DateTimeField(_("review by"))
    lock_at = models.DateTimeField(_("corrections until"))
    publish_by = models.DateTimeField(_("publish by"))
    locked_at = models.DateTimeField(null=True, editable=False)
    rules_in_force = models.JSONField(
        null=True,
        editable=False,
        help_text=_("The scheme as it stood when the month opened, with the sources there were."),
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("month")
        verbose_name_plural = _("months")
        ordering: ClassVar[list[str]] = ["-month", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["month", "unit"], name="one_period_per_county_and_month"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.unit}"


class Return(models.Model):
    """A township's month: draft, submitted, returned, accepted."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Being filled in")
        SUBMITTED = "submitted", _("Awaiting review")
        RETURNED = "returned", _("Returned")
        ACCEPTED = "accepted", _("Accepted")

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="returns", verbose_name=_("month"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="returns", verbose_name=_("township"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    submission_count = models.PositiveSmallIntegerField(_("submissions"), default=0)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, editable=False)
    submitted_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    first_submitted_at = models.DateTimeField(null=True, editable=False)
    late_days = models.PositiveSmallIntegerField(
        _("working days late"),
        default=0,
        editable=False,
        help_text=_("Of the first submission; a return corrected later is not late again."),
    )
    returned_at = models.DateTimeField(null=True, editable=False)
    return_reason = models.CharField(_("reason of the return"), max_length=500, blank=True)
    reviewed_at = models.DateTimeField(null=True, editable=False)
    reviewed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    reminded_at = models.DateTimeField(_("reminded at"), null=True, editable=False)
    reminded_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    reminder = models.CharField(_("reminder"), max_length=200, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("monthly return")
        verbose_name_plural = _("monthly returns")
        ordering: ClassVar[list[str]] = ["-period__month", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["period", "unit"], name="one_return_per_township_and_month"),
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("submitted_by")),
                name="return_accepted_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.period.month:%Y-%m}"


class VillageMonth(models.Model):
    """All values of a village in a month, in one row.

    `values`: cell code -> scaled integer (1/10 000) when given; `[scaled, "late"]`,
    `[null, "not_applicable"]`, `[null, "exempt", reason]` otherwise; a missing key is
    "not yet". What the system computes is not kept here: closing freezes it in the lines of
    the results. `notes`: cell code -> the township's explanation of an outlier. `remarks`:
    cell code -> `{"verdict": "returned"|"accepted", "text", "by", "at"}` of the reviewer. Each
    save compares the old value of the cell, so two people on two cells of a village do not
    collide (docs/decisions/0002-one-row-a-village-and-month.md).
    """

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="village_months")
    village = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="village_months", verbose_name=_("village")
    )
    submission = models.ForeignKey(
        Return, on_delete=models.PROTECT, related_name="village_months", verbose_name=_("monthly return")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    village_class = models.CharField(max_length=10, choices=VillageClass.Kind, blank=True)
    band = models.CharField(max_length=12, choices=VillageClass.Band, blank=True)
    values = models.JSONField(default=dict)
    notes = models.JSONField(default=dict)
    remarks = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("village's month")
        verbose_name_plural = _("villages' months")
        ordering: ClassVar[list[str]] = ["period", "path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["period", "village"], name="one_village_month"),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.period.month:%Y-%m}"


class Adjustment(models.Model):
    """A bonus, penalty or veto given to a village in a month, with its document."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("month"))
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    item_code = models.CharField(_("item"), max_length=6)
    level = models.CharField(_("level"), max_length=40, blank=True)
    count = models.PositiveSmallIntegerField(_("times"), default=1)
    document = models.CharField(_("document number"), max_length=120)
    happened_on = models.DateField(_("date"))
    evidence = models.CharField(_("evidence"), max_length=300, blank=True)
    entered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    is_void = models.BooleanField(_("void"), default=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("bonus, penalty or veto")
        verbose_name_plural = _("bonuses, penalties and vetoes")
        ordering: ClassVar[list[str]] = ["-period__month", "path", "item_code"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(document=""), name="adjustment_has_a_document"),
        ]

    def __str__(self) -> str:
        return f"{self.item_code} {self.village}"


class Unlock(models.Model):
    """An accepted return opened again for some hours: asked by one, approved by a leader, locks itself."""

    submission = models.ForeignKey(
        Return, on_delete=models.PROTECT, related_name="unlocks", verbose_name=_("monthly return")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    reason = models.CharField(_("reason"), max_length=500)
    hours = models.PositiveSmallIntegerField(_("hours"), default=4)
    asked_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", editable=False)
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    is_approved = models.BooleanField(_("approved"), null=True, editable=False)
    open_until = models.DateTimeField(null=True, editable=False)
    relocked_at = models.DateTimeField(null=True, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("unlock request")
        verbose_name_plural = _("unlock requests")
        ordering: ClassVar[list[str]] = ["-asked_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")), name="unlock_decided_by_another"
            ),
            models.CheckConstraint(condition=Q(hours__gte=1) & Q(hours__lte=72), name="unlock_hours_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.submission}"


class Ranking(models.Model):
    """One numbered revision of a county's month. Published ones never change (product principle 5)."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        SUPERSEDED = "superseded", _("Superseded")

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="rankings", verbose_name=_("month"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    revision = models.PositiveSmallIntegerField(_("revision"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    reason = models.CharField(_("reason of the correction"), max_length=500, blank=True)
    rules = models.JSONField(editable=False)
    warnings = models.JSONField(default=list, editable=False)
    changed_ranks = models.JSONField(default=list, editable=False)
    village_count = models.PositiveIntegerField(default=0)
    ranked_count = models.PositiveIntegerField(default=0)
    inputs_checksum = models.CharField(max_length=64)
    rules_checksum = models.CharField(max_length=64)
    checksum = models.CharField(_("checksum"), max_length=64)
    computed_at = models.DateTimeField(_("computed at"))
    computed_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(_("published at"), null=True)
    published_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    appeal_until = models.DateTimeField(_("objections until"), null=True)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"view": "path"}
    objects = RankingQuerySet.as_manager()

    class Meta:
        verbose_name = _("ranking")
        verbose_name_plural = _("rankings")
        ordering: ClassVar[list[str]] = ["-period__month", "path", "-revision"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["period", "revision"], name="one_ranking_per_revision"),
            models.UniqueConstraint(
                fields=["period"], condition=Q(state="published"), name="one_published_ranking_per_period"
            ),
            models.UniqueConstraint(fields=["period"], condition=Q(state="draft"), name="one_draft_ranking_per_period"),
            models.CheckConstraint(
                condition=Q(published_by__isnull=True)
                | Q(computed_by__isnull=True)
                | ~Q(published_by=F("computed_by")),
                name="ranking_published_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(published_by__isnull=False), name="published_ranking_has_a_publisher"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} r{self.revision}"


class Result(models.Model):
    """A village in a ranking: total, ranks, grade and the lines of its receipt.

    Points are whole hundredths. Ranks are empty for a village that lacks values; it has
    a range instead. `lines`: the receipt as the engine packed it (engine.unpack_lines).
    """

    ranking = models.ForeignKey(Ranking, on_delete=models.CASCADE, related_name="results")
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="results", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    village_class = models.CharField(_("village class"), max_length=10, choices=VillageClass.Kind, blank=True)
    band = models.CharField(_("starting band"), max_length=12, choices=VillageClass.Band, blank=True)
    total_hundredths = models.IntegerField(_("total"), null=True)
    low_hundredths = models.IntegerField()
    high_hundredths = models.IntegerField()
    bonus_hundredths = models.IntegerField(default=0)
    penalty_hundredths = models.IntegerField(default=0)
    category_hundredths = models.JSONField(default=list)
    county_rank = models.PositiveIntegerField(_("rank in the county"), null=True)
    township_rank = models.PositiveIntegerField(_("rank in the township"), null=True)
    class_rank = models.PositiveIntegerField(_("rank in the village class"), null=True)
    band_rank = models.PositiveIntegerField(_("rank in the starting band"), null=True)
    rank_best = models.PositiveIntegerField()
    rank_worst = models.PositiveIntegerField()
    grade = models.CharField(_("grade"), max_length=20, blank=True)
    veto = models.CharField(_("veto"), max_length=6, blank=True)
    previous_rank = models.PositiveIntegerField(null=True)
    moved = models.IntegerField(null=True)
    moved_correction = models.IntegerField(null=True)
    moved_rules = models.IntegerField(null=True)
    moved_own = models.IntegerField(null=True)
    moved_others = models.IntegerField(null=True)
    previous_total_hundredths = models.IntegerField(null=True)
    missing = models.JSONField(default=list)
    lines = models.JSONField(default=list)

    scope_path = "path"
    shared: ClassVar[dict[str, str]] = {"list": "ranking__path"}
    objects = ResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        ordering: ClassVar[list[str]] = ["ranking", F("county_rank").asc(nulls_last=True), "path"]  # type: ignore[list-item]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["ranking", "village"], name="one_result_per_village"),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.ranking}"

    @property
    def total(self) -> Decimal | None:
        return None if self.total_hundredths is None else Decimal(self.total_hundredths).scaleb(-2)


class Appeal(models.Model):
    """An objection to one line of a receipt, decided by somebody who did not score it (handbook 3.7)."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("objection", "Open")
        UPHELD = "upheld", _("Upheld")
        CORRECTED = "corrected", _("Corrected otherwise")
        REJECTED = "rejected", _("Rejected")

    ranking = models.ForeignKey(Ranking, on_delete=models.PROTECT, related_name="appeals", verbose_name=_("ranking"))
    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="appeals", verbose_name=_("result"))
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="appeals", verbose_name=_("month"))
    village = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="appeals", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    line_code = models.CharField(_("line"), max_length=6)
    claim = models.TextField(_("what is wrong"))
    claimed_values = models.JSONField(_("values claimed"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(_("opened at"), auto_now_add=True)
    answer_by = models.DateTimeField(_("answer by"))
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.TextField(_("reason of the decision"), blank=True)
    corrected_values = models.JSONField(default=dict, blank=True)
    revision = models.ForeignKey(
        Ranking, on_delete=models.SET_NULL, null=True, related_name="corrections", verbose_name=_("revision")
    )

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        ordering: ClassVar[list[str]] = ["-opened_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["period", "village"], name="one_appeal_per_village_and_period"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("opened_by")), name="appeal_decided_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.village} {self.line_code}"

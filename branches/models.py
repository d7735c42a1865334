"""The dated tree of places, who holds which role where, Party organizations and their life."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from treebeard.mp_tree import MP_Node

from accounts.roles import Role
from branches.names import short_village_name
from branches.querysets import BranchQuerySet, MembershipQuerySet, ScopedQuerySet, UnitManager


class Unit(MP_Node):
    """A place of the administrative tree, province to village, with the days it existed.

    The 12-digit code is an attribute, never the key: villages merge and are re-coded
    (handbook 10.2). `path` is the materialised path that scope is asked on.
    """

    class Kind(models.TextChoices):
        PROVINCE = "province", _("Province")
        CITY = "city", _("City")
        COUNTY = "county", pgettext_lazy("level", "County")
        TOWNSHIP = "township", _("Township")
        VILLAGE = "village", _("Village")

    kind = models.CharField(_("level"), max_length=10, choices=Kind)
    code = models.CharField(_("code"), max_length=12, unique=True, null=True, blank=True)
    name = models.CharField(_("name"), max_length=60, db_index=True)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True, help_text=_("Last day on which the unit exists."))
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_units",
        verbose_name=_("merged into"),
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    node_order_by: ClassVar[list[str]] = []
    objects: ClassVar[UnitManager] = UnitManager()

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering: ClassVar[list[str]] = ["path"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="unit_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """The everyday name: 洪岗村 for 洪岗村民委员会."""
        return short_village_name(self.name)

    @property
    def parent_path(self) -> str:
        return self.path[: -self.steplen]


class Membership(models.Model):
    """A role at a unit, valid there and below, from a day to a day.

    It takes effect when a second person confirms it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("account")
    )
    role = models.CharField(_("role"), max_length=2, choices=Role.choices)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("unit"))
    subjects = models.CharField(
        _("subjects"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of a lead department: the flags it leads, such as F2, F3. The role holds for these only."),
    )
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    confirmed_at = models.DateTimeField(null=True, editable=False)

    scope_path = "unit__path"
    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("role at a unit")
        verbose_name_plural = _("roles at units")
        ordering: ClassVar[list[str]] = ["unit__path", "role", "user"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "role", "unit", "valid_from"], name="one_membership_per_start"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | Q(proposed_by__isnull=True)
                | ~Q(confirmed_by=F("proposed_by")),
                name="membership_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("user")),
                name="membership_not_confirmed_by_oneself",
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True) | ~Q(proposed_by=F("user")),
                name="membership_not_proposed_for_oneself",
            ),
            models.CheckConstraint(
                condition=~Q(role="RI") | Q(valid_to__isnull=False), name="inspector_has_an_end_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.unit}"


class Village(models.Model):
    """The card of a village: figures the county keeps once and every form reads (handbook 8.4)."""

    unit = models.OneToOneField(Unit, on_delete=models.PROTECT, related_name="village", verbose_name=_("village"))
    group_count = models.PositiveIntegerField(_("villagers' groups"), null=True, blank=True)
    natural_village_count = models.PositiveIntegerField(_("natural villages"), null=True, blank=True)
    household_count = models.PositiveIntegerField(_("households"), null=True, blank=True)
    population = models.PositiveIntegerField(_("resident population"), null=True, blank=True)
    member_count = models.PositiveIntegerField(_("Party members"), null=True, blank=True)
    dues_member_count = models.PositiveIntegerField(_("members due to pay dues"), null=True, blank=True)
    representative_count = models.PositiveIntegerField(_("villager representatives"), null=True, blank=True)
    approved_post_count = models.PositiveSmallIntegerField(_("approved posts"), default=5)
    farmland_mu = models.DecimalField(_("farmland (mu)"), max_digits=12, decimal_places=2, null=True, blank=True)
    forest_mu = models.DecimalField(_("forest (mu)"), max_digits=12, decimal_places=2, null=True, blank=True)
    operating_assets = models.DecimalField(
        _("operating assets (yuan)"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    last_year_income = models.DecimalField(
        _("last year's income (yuan)"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    last_year_operating_income = models.DecimalField(
        _("last year's operating income (yuan)"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("village card")
        verbose_name_plural = _("village cards")
        ordering: ClassVar[list[str]] = ["unit__path"]

    def __str__(self) -> str:
        return str(self.unit)


class FormerApprovedPosts(models.Model):
    """How many posts a village had approved until a day; the number since then stands on its card or in the next row.

    Only what was changed has rows, so that a card on which nothing ever changed needs none.
    """

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="former_approved_posts", verbose_name=_("village")
    )
    number = models.PositiveSmallIntegerField(_("approved posts"))
    until = models.DateField(_("until"))

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("former number of approved posts")
        verbose_name_plural = _("former numbers of approved posts")
        ordering: ClassVar[list[str]] = ["unit__path", "-until"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "until"], name="one_former_number_of_posts_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"


class VillageClass(models.Model):
    """Class and starting band of a village in a span of time.

    Unlike villages are compared with their like (handbook 1.4).
    """

    class Kind(models.TextChoices):
        HUB = "hub", _("hub")
        TIDAL = "tidal", _("tidal")
        BASIC = "basic", _("basic")
        HOLLOW = "hollow", _("hollow")

    class Band(models.TextChoices):
        """Yearly operating income at the start of the year, in 10 000 yuan (handbook 6.5)."""

        NONE = "none", _("no income")
        SHELL = "shell", _("shell (under 5)")
        WEAK = "weak", _("weak (5 to 10)")
        ORDINARY = "ordinary", _("ordinary (10 to 20)")
        GOOD = "good", _("good (20 to 50)")
        STRONG = "strong", _("strong (50 to 100)")
        VERY_STRONG = "very_strong", _("very strong (100 and more)")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="classes", verbose_name=_("village"))
    kind = models.CharField(_("village class"), max_length=10, choices=Kind)
    band = models.CharField(_("starting band"), max_length=12, choices=Band)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("village class")
        verbose_name_plural = _("village classes")
        ordering: ClassVar[list[str]] = ["unit__path", "-valid_from"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "valid_from"], name="one_village_class_per_start"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.get_kind_display()}"


class Branch(models.Model):
    """A Party organization that sits at a unit.

    A village has one leading branch and may have others (单独建, 联合建 …).
    """

    class Kind(models.TextChoices):
        BRANCH = "branch", _("Party branch")
        GENERAL = "general", _("general Party branch")
        COMMITTEE = "committee", _("Party committee")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="branches", verbose_name=_("unit"))
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.BRANCH)
    is_leading = models.BooleanField(_("leading branch of the village"), default=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent branch"),
    )
    member_count = models.PositiveIntegerField(_("members"), null=True, blank=True)
    established_on = models.DateField(_("established on"), null=True, blank=True)
    next_election_on = models.DateField(_("next election on"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name = _("Party organization")
        verbose_name_plural = _("Party organizations")
        ordering: ClassVar[list[str]] = ["unit__path", "-is_leading", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "name"], name="one_branch_name_per_unit"),
            models.UniqueConstraint(
                fields=["unit"], condition=Q(is_leading=True, valid_to__isnull=True), name="one_leading_branch_per_unit"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrganisationalLife(models.Model):
    """One meeting or activity of a branch (handbook 7.4). Photos are never asked for."""

    class Kind(models.TextChoices):
        MEMBER_MEETING = "member_meeting", _("member meeting")
        COMMITTEE_MEETING = "committee_meeting", _("branch committee meeting")
        GROUP_MEETING = "group_meeting", _("Party group meeting")
        LECTURE = "lecture", _("Party lecture")
        PARTY_DAY = "party_day", _("theme Party day")
        LIFE_MEETING = "life_meeting", _("organisational life meeting")
        REVIEW = "review", _("democratic review")
        VOLUNTEERING = "volunteering", _("volunteer service")
        CIVILITY = "civility", _("civility activity")
        REPRESENTATIVES = "representatives", _("villager representatives' meeting")

    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, related_name="life", verbose_name=_("Party organization")
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    held_on = models.DateField(_("held on"))
    place = models.CharField(_("place"), max_length=120, blank=True)
    theme = models.CharField(_("theme"), max_length=200, blank=True)
    chair = models.CharField(_("chair"), max_length=60, blank=True)
    recorder = models.CharField(_("recorder"), max_length=60, blank=True)
    due_count = models.PositiveIntegerField(_("due to attend"), null=True, blank=True)
    present_count = models.PositiveIntegerField(_("present"), null=True, blank=True)
    excused_count = models.PositiveIntegerField(_("excused"), default=0)
    content = models.TextField(_("content"), blank=True)
    decisions = models.TextField(_("decisions"), blank=True)
    recorded_on = models.DateField(_("recorded on"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    is_void = models.BooleanField(_("void"), default=False)
    void_reason = models.CharField(_("reason for making it void"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("organisational life record")
        verbose_name_plural = _("organisational life")
        ordering: ClassVar[list[str]] = ["-held_on", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["branch", "held_on", "kind"], name="life_by_branch_and_day"),
            models.Index(fields=["held_on"], name="life_by_day"),
            models.Index(fields=["kind", "held_on"], name="life_by_kind_and_day"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(due_count__isnull=True)
                | Q(present_count__isnull=True)
                | Q(present_count__lte=F("due_count") - F("excused_count")),
                name="life_present_within_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.held_on} {self.get_kind_display()}"


class Decision(models.Model):
    """A village matter decided by 四议两公开: four discussions, two publications (handbook 7.5)."""

    class Origin(models.TextChoices):
        MASSES = "masses", _("members and villagers")
        CADRES = "cadres", _("village cadres")
        HIGHER = "higher", _("higher organ")

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="decisions", verbose_name=_("village"))
    path = models.CharField(max_length=255, editable=False, db_index=True)
    matter = models.CharField(_("matter"), max_length=200)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.CADRES)
    decided_on = models.DateField(
        _("date of the matter"), help_text=_("The month of this date is the month in which it is assessed.")
    )
    proposed_on = models.DateField(_("1 branch proposes"), null=True, blank=True)
    discussed_on = models.DateField(_("2 two committees discuss"), null=True, blank=True)
    examined_on = models.DateField(_("3 member meeting examines"), null=True, blank=True)
    resolved_on = models.DateField(_("4 villagers' meeting decides"), null=True, blank=True)
    decision_published_on = models.DateField(_("5 decision published"), null=True, blank=True)
    result_published_on = models.DateField(_("6 result published"), null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    is_void = models.BooleanField(_("void"), default=False)
    void_reason = models.CharField(_("reason for making it void"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    STEPS: ClassVar[tuple[str, ...]] = (
        "proposed_on",
        "discussed_on",
        "examined_on",
        "resolved_on",
        "decision_published_on",
        "result_published_on",
    )
    scope_path = "path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("village decision")
        verbose_name_plural = _("village decisions")
        ordering: ClassVar[list[str]] = ["-decided_on", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["unit", "decided_on"], name="decision_by_unit_and_day"),
            models.Index(fields=["decided_on"], name="decision_by_day"),
            models.Index(fields=["resolved_on"], name="decision_by_meeting"),
        ]

    def __str__(self) -> str:
        return self.matter

    @property
    def step_count(self) -> int:
        return sum(getattr(self, step) is not None for step in self.STEPS)


class WorkdayException(models.Model):
    """A weekday that is off or a weekend day that is worked (调休), for a county or for all."""

    day = models.DateField(_("day"))
    is_workday = models.BooleanField(_("is worked"))
    label = models.CharField(_("occasion"), max_length=60, blank=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("county"))

    scope_path = "unit__path"
    shared: ClassVar[dict[str, str]] = {"view": "unit__path"}
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("holiday or worked weekend")
        verbose_name_plural = _("holidays and worked weekends")
        ordering: ClassVar[list[str]] = ["-day"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["unit", "day"], name="one_workday_exception_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.label}".strip()

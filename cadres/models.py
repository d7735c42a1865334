"""People who hold or may hold posts in villages, their postings, and the reserve."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres import codes
from cadres.dates import PartialDateField
from cadres.encryption import EncryptedTextField
from cadres.querysets import PostingQuerySet, ReserveCadreQuerySet


class Person(models.Model):
    """Somebody on a roster. The identity number is encrypted; `identity_index` finds it and keeps it unique."""

    class Gender(models.TextChoices):
        """GB/T 2261.1."""

        UNKNOWN = "0", _("unknown")
        MALE = codes.MALE, _("male")
        FEMALE = codes.FEMALE, _("female")
        NOT_STATED = "9", _("not stated")

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="people", verbose_name=_("village"))
    name = models.CharField(_("full name"), max_length=60, db_index=True)
    gender = models.CharField(_("sex"), max_length=1, choices=Gender, blank=True)
    birth = PartialDateField(_("date of birth"))
    identity_number = EncryptedTextField(_("identity number"), null=True, blank=True)
    identity_index = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001  (unique)
    political = models.CharField(_("political status"), max_length=2, blank=True)
    joined_on = PartialDateField(_("joined the Party"))
    full_member_on = PartialDateField(_("full member since"))
    education = models.CharField(_("education"), max_length=2, blank=True)
    education_words = models.CharField(_("education as written"), max_length=60, blank=True)
    major = models.CharField(_("field of study"), max_length=100, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    origin = models.CharField(_("came from"), max_length=60, blank=True)
    resume = models.TextField(_("career"), blank=True)
    remark = models.TextField(_("remark"), blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering: ClassVar[list[str]] = ["unit__path", "name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(identity_number__isnull=True, identity_index__isnull=True)
                | Q(identity_number__isnull=False, identity_index__isnull=False),
                name="identity_number_with_its_index",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Posting(models.Model):
    """A post that a person holds in a village, from a date to a day. History stays (handbook 11.13)."""

    class Post(models.IntegerChoices):
        """The order of rosters (handbook 10.3)."""

        SECRETARY = codes.SECRETARY, _("branch secretary")
        DIRECTOR = codes.DIRECTOR, _("village director")
        DEPUTY_SECRETARY = codes.DEPUTY_SECRETARY, _("deputy secretary")
        DEPUTY_DIRECTOR = codes.DEPUTY_DIRECTOR, _("deputy director")
        BRANCH_MEMBER = codes.BRANCH_MEMBER, _("branch committee member")
        COMMITTEE_MEMBER = codes.COMMITTEE_MEMBER, _("villagers' committee member")
        SUPERVISION_HEAD = codes.SUPERVISION_HEAD, _("head of the supervision committee")
        CLERK = codes.CLERK, _("clerk")
        OTHER = codes.OTHER, _("other post")

    class Change(models.TextChoices):
        NEW = "new", _("newly in office")
        CONTINUING = "continuing", _("continuing")
        MOVED = "moved", _("moved from another post")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="postings", verbose_name=_("person"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="postings", verbose_name=_("village"))
    post = models.PositiveSmallIntegerField(_("post"), choices=Post)
    words = models.CharField(_("post as written"), max_length=60, blank=True)
    change = models.CharField(_("way into the term"), max_length=10, choices=Change, blank=True)
    started_on = PartialDateField(_("in post since"))
    ended_on = models.DateField(_("last day in post"), null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = PostingQuerySet.as_manager()

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        ordering: ClassVar[list[str]] = ["unit__path", "post", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["person", "unit", "post", "words"],
                condition=Q(ended_on__isnull=True),
                name="one_open_posting_per_post",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.words or self.get_post_display()}"


class ReserveCadre(models.Model):
    """A person's entry in the reserve of a village (handbook 5)."""

    class Stage(models.TextChoices):
        NOMINATED = "nominated", _("nominated")
        REVIEWED = "reviewed", _("reviewed by the township")
        ON_RECORD = "on_record", _("on record with the county")
        TRAINING = "training", _("in training")
        PROMOTED = "promoted", _("promoted")
        REMOVED = "removed", _("taken off the reserve")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reserve", verbose_name=_("person"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="reserve", verbose_name=_("village"))
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.NOMINATED)
    occupation = models.CharField(_("present occupation"), max_length=60, blank=True)
    category = models.CharField(_("kind of person"), max_length=60, blank=True)
    intended_post = models.CharField(_("intended post"), max_length=60, blank=True)
    mentor = models.CharField(_("mentor"), max_length=60, blank=True)
    recommended_by = models.CharField(_("way of recommendation"), max_length=60, blank=True)
    entered_on = PartialDateField(_("entered the reserve"))
    left_on = models.DateField(_("left the reserve"), null=True, blank=True)
    remark = models.TextField(_("remark"), blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "unit__path"
    objects = ReserveCadreQuerySet.as_manager()

    class Meta:
        verbose_name = _("reserve cadre")
        verbose_name_plural = _("reserve cadres")
        ordering: ClassVar[list[str]] = ["unit__path", "person__name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(left_on__isnull=True), name="one_open_reserve_entry_per_person"
            ),
            models.CheckConstraint(
                condition=(Q(left_on__isnull=True) & ~Q(stage__in=("promoted", "removed")))
                | Q(left_on__isnull=False, stage__in=("promoted", "removed")),
                name="reserve_ends_promoted_or_removed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person)

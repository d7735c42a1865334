"""People on the rosters."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.encryption import EncryptedTextField
from branches.models import Unit
from branches.querysets import ScopedQuerySet
from cadres import codes
from cadres.dates import PartialDateField
from cadres.pinyin import initials_of


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
    initials = models.CharField(max_length=60, db_index=True, editable=False, blank=True)
    """First letters of the pinyin of the name, for searching; written with the name (`cadres.pinyin`)."""
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
    is_seconded = models.BooleanField(_("seconded to the village"), null=True, blank=True)
    is_inspector = models.BooleanField(_("discipline inspection member"), null=True, blank=True)
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.initials = initials_of(self.name)
        super().save(*args, **kwargs)

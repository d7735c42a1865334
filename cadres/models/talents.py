"""The register of talents: returnees, and the three kinds of people to be brought up (三个培养). By consent only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.querysets import ScopedQuerySet
from cadres.models.people import Person


class Talent(models.Model):
    """Somebody who agreed to be in the register."""

    class Kind(models.TextChoices):
        RETURNEE = "returnee", _("returnee who started a business")
        GRADUATE = "graduate", _("university graduate")
        VETERAN = "veteran", _("veteran")
        TO_MEMBER = "to_member", _("able person to become a member")
        TO_ABLE = "to_able", _("member to become an able person")
        TO_CADRE = "to_cadre", _("able member to become a cadre")
        OTHER = "other", _("other talent")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="talents", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    field = models.CharField(_("field of work"), max_length=120, blank=True)
    contact = models.CharField(_("contact in the Party organization"), max_length=60, blank=True)
    consented_on = models.DateField(_("agreed on"))
    withdrawn_on = models.DateField(_("withdrew the consent on"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "person__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("talent")
        verbose_name_plural = _("talents")
        ordering: ClassVar[list[str]] = ["person__unit__path", "person__name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["person", "kind"], condition=Q(withdrawn_on__isnull=True), name="one_open_talent_entry_per_kind"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gte=F("consented_on")),
                name="consent_is_withdrawn_after_it_was_given",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.get_kind_display()}"

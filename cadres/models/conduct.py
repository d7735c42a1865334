"""Commendations, and the ladder of discipline up to suspension for education (停职教育)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from branches.querysets import ScopedQuerySet
from cadres.models.people import Person


class Commendation(models.Model):
    """An honour that somebody received."""

    class Level(models.TextChoices):
        TOWNSHIP = "township", _("Township")
        COUNTY = "county", _("county level")
        CITY = "city", _("City")
        PROVINCE = "province", _("Province")
        NATION = "nation", _("national")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="commendations", verbose_name=_("person"))
    title = models.CharField(_("title"), max_length=120)
    level = models.CharField(_("level of the honour"), max_length=10, choices=Level)
    awarded_by = models.CharField(_("awarded by"), max_length=120, blank=True)
    awarded_on = models.DateField(_("awarded on"))
    document = models.CharField(_("document number"), max_length=60, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "person__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("commendation")
        verbose_name_plural = _("commendations")
        ordering: ClassVar[list[str]] = ["-awarded_on", "-pk"]

    def __str__(self) -> str:
        return self.title


class DisciplineAction(models.Model):
    """A step of the ladder taken against somebody. Class D3: what it says is read by those who handle discipline."""

    class Kind(models.TextChoices):
        """From the mildest to the hardest."""

        REMINDER = "reminder", _("interview")
        ADMONITION = "admonition", _("admonition")
        SUSPENSION = "suspension", _("suspension for education")
        WARNING = "warning", _("Party warning")
        SERIOUS_WARNING = "serious_warning", _("serious Party warning")
        REMOVAL = "removal", _("removal from Party posts")
        PROBATION = "probation", _("probation within the Party")
        EXPULSION = "expulsion", _("expulsion from the Party")

    class Outcome(models.TextChoices):
        """How a suspension ends."""

        REINSTATED = "reinstated", _("back in post")
        EXTENDED = "extended", _("extended")
        REMOVED = "removed", _("relieved of the post")

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="discipline_actions", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    decided_on = models.DateField(_("decided on"))
    effective_to = models.DateField(_("in effect until"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=120, blank=True)
    document = models.CharField(_("document number"), max_length=60, blank=True)
    reason = models.TextField(_("grounds"))
    mid_check_on = models.DateField(_("checked half-way on"), null=True, blank=True)
    mid_check = models.TextField(_("finding of the check half-way"), blank=True)
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    closing_opinion = models.TextField(_("closing opinion"), blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "person__unit__path"
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("discipline action")
        verbose_name_plural = _("discipline actions")
        ordering: ClassVar[list[str]] = ["-decided_on", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gte=F("decided_on")),
                name="discipline_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(kind="suspension") | Q(mid_check_on__isnull=True, mid_check="", outcome=""),
                name="only_a_suspension_is_checked_half_way",
            ),
            models.CheckConstraint(
                condition=~Q(kind="suspension") | Q(ended_on__isnull=True) | ~Q(closing_opinion=""),
                name="a_suspension_ends_with_an_opinion",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decided_on}"

"""Who holds which post where, from when to when."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from branches.models import Unit
from cadres import codes
from cadres.dates import PartialDateField
from cadres.models.people import Person
from cadres.querysets import PostingQuerySet


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
        PARTY_WORKER = codes.PARTY_WORKER, _("township Party worker")
        OTHER = codes.OTHER, _("other post")

    class Mode(models.TextChoices):
        """Way of taking office (handbook 10.3)."""

        ELECTED = "elected", _("elected")
        APPOINTED = "appointed", _("appointed")
        SENT = "sent", _("sent from outside")
        HIRED = "hired", _("hired")
        ACTING = "acting", _("acting")

    class Ending(models.TextChoices):
        TERM_END = "term_end", _("end of the term")
        MOVED = "moved", _("moved to another post")
        PROMOTED = "promoted", _("promoted to the township or above")
        RESIGNED = "resigned", _("resigned")
        AGE = "age", _("for reasons of age")
        DISMISSED = "dismissed", _("dismissed")
        DECEASED = "deceased", _("deceased")
        OTHER = "other", _("other reason")

    class Change(models.TextChoices):
        NEW = "new", _("newly in office")
        CONTINUING = "continuing", _("continuing")
        MOVED = "moved", _("moved from another post")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="postings", verbose_name=_("person"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="postings", verbose_name=_("village"))
    post = models.PositiveSmallIntegerField(_("post"), choices=Post)
    words = models.CharField(_("post as written"), max_length=60, blank=True)
    change = models.CharField(_("way into the term"), max_length=10, choices=Change, blank=True)
    mode = models.CharField(_("way of taking office"), max_length=10, choices=Mode, blank=True)
    document = models.CharField(_("document number"), max_length=60, blank=True)
    started_on = PartialDateField(_("in post since"))
    ended_on = models.DateField(_("last day in post"), null=True, blank=True)
    ending = models.CharField(_("reason for leaving"), max_length=10, choices=Ending, blank=True)
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

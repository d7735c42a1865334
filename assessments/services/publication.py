"""From a draft ranking to the published one. Who computed it does not publish it."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from assessments.models import Period, Ranking
from branches.calendars import workday_exceptions
from branches.workdays import add_working_days

DEFAULT_OBJECTION_DAYS = 5


def objection_deadline(period: Period, published_at: datetime) -> datetime:
    """End of the last of the scheme's working days for objections, counted from the day after publication.

    Rule: docs/rules/appeals.md (handbook 3.7: 5 working days unless the scheme says otherwise).
    """
    days = int(period.scheme.calendar.get("objection_working_days", DEFAULT_OBJECTION_DAYS))
    day = timezone.localdate(published_at)
    exceptions = workday_exceptions(period.path, day, day + timedelta(days=60))
    last = add_working_days(day, days, exceptions)
    return timezone.make_aware(datetime.combine(last, time(23, 59, 59)))


@transaction.atomic
def publish_ranking(ranking: Ranking, *, by: User, now: datetime) -> Ranking:
    """Make a draft the county's ranking of the month; an earlier revision becomes superseded.

    Locks the rows, so a double click publishes once. Raises ValidationError "not_a_draft",
    "own_work" (who computed it may not publish it; the database holds this too).
    Rule: docs/rules/ranking-and-ranges.md.
    """
    period = Period.objects.select_for_update().select_related("scheme").get(pk=ranking.period_id)
    ranking = Ranking.objects.select_for_update().get(pk=ranking.pk)
    if ranking.state != Ranking.State.DRAFT:
        raise ValidationError(_("This ranking is no longer a draft. Reload the page to see its state."), "not_a_draft")
    if ranking.computed_by_id == by.pk:
        raise ValidationError(
            _("You had this ranking computed, so somebody else has to publish it."),
            "own_work",
        )
    Ranking.objects.filter(period=period, state=Ranking.State.PUBLISHED).update(state=Ranking.State.SUPERSEDED)
    ranking.state = Ranking.State.PUBLISHED
    ranking.published_at = now
    ranking.published_by = by
    ranking.appeal_until = objection_deadline(period, now)
    ranking.save(update_fields=["state", "published_at", "published_by", "appeal_until"])
    if period.state == Period.State.COMPUTED:
        period.state = Period.State.PUBLISHED
        period.save(update_fields=["state"])
    audit.record(
        "assessments.publish_ranking",
        actor=by,
        target=ranking,
        unit=period.unit,
        changes={"state": ["draft", "published"], "revision": ranking.revision, "checksum": ranking.checksum},
        reason=ranking.reason,
    )
    return ranking


@transaction.atomic
def discard_draft(ranking: Ranking, *, by: User) -> None:
    """Throw a draft away; the month is locked again and can be computed anew.

    Raises ValidationError "not_a_draft".
    """
    period = Period.objects.select_for_update().get(pk=ranking.period_id)
    ranking = Ranking.objects.select_for_update().get(pk=ranking.pk)
    if ranking.state != Ranking.State.DRAFT:
        raise ValidationError(_("Only a draft can be discarded; a published ranking never changes."), "not_a_draft")
    audit.record(
        "assessments.discard_draft",
        actor=by,
        target=ranking,
        unit=period.unit,
        changes={"revision": ranking.revision, "checksum": ranking.checksum},
    )
    ranking.delete()
    if period.state == Period.State.COMPUTED:
        period.state = Period.State.LOCKED
        period.save(update_fields=["state"])

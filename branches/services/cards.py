"""What changes on a village's card and has to be known for the past."""

from __future__ import annotations

from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from branches.models import FormerApprovedPosts, Village


def keep_former_posts(card: Village, former: int, *, since: date, today: date) -> None:
    """Notes that `former` posts were approved until the eve of `since`; of two changes on one day the first counts.

    In the transaction of the change. Raises ValidationError "future", "before_last_change".
    """
    if since > today:
        raise ValidationError(
            {"posts_since": ValidationError(_("A card tells what holds today, not later."), "future")}
        )
    until = since - timedelta(days=1)
    last = FormerApprovedPosts.objects.filter(unit_id=card.unit_id).order_by("-until").first()
    if last is not None and last.until > until:
        words = _("The number was changed last from %(day)s on; a change before that day would rewrite it.")
        values = {"day": last.until + timedelta(days=1)}
        raise ValidationError({"posts_since": ValidationError(words % values, "before_last_change")})
    FormerApprovedPosts.objects.get_or_create(unit_id=card.unit_id, until=until, defaults={"number": former})

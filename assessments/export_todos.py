"""Things to do about files that wait for a county leader's approval."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from branches.scoping import rows_for
from branches.todo import Source, Todo
from imports.listings import listing_called
from imports.models import ExportFile

if TYPE_CHECKING:
    from accounts.models import User


def _exports_to_approve(user: User, now: datetime) -> list[Todo]:
    """One for each file, in the order they were asked for; nobody decides about one's own. One query."""
    waiting = rows_for(user, ExportFile, "approve").filter(state=ExportFile.State.WAITING).exclude(requested_by=user)
    rows = waiting.defer("sealed_file", "person_ids").select_related("requested_by").order_by("requested_at")
    return [
        Todo(
            key="exports",
            icon="shield-lock",
            tone="info",
            title=_("%(name)s asks to export: %(list)s, %(n)s people with identity numbers")
            % {"name": row.requested_by.name, "list": listing_called(row.listing).label, "n": row.people_count},
            detail=f"{row.get_purpose_display()}　{row.note}".strip()[:80],
            action=_("Decide"),
            url=reverse("exports:approvals"),
        )
        for row in rows
    ]


SOURCES: tuple[Source, ...] = (_exports_to_approve,)

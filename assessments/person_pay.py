"""What somebody is paid, for the page of the person (`cadres.village_results`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from assessments.models import PayLine
from cadres.village_results import PaidMonth

if TYPE_CHECKING:
    from accounts.models import User

LINES = 12


def tell(user: User, person_id: int) -> list[PaidMonth]:
    """The latest lines, of sheets in whatever state, newest first. One query."""
    rows = PayLine.objects.for_user(user).filter(person=person_id).select_related("sheet")
    return [
        PaidMonth(
            month=line.sheet.month,
            for_month=line.for_month,
            amount=line.amount,
            flags=len(line.flags),
            note=line.get_note_display() if line.note else "",
            state=line.get_payment_display() if line.payment != "open" else line.sheet.get_state_display(),
            url=reverse("assessments:pay_line", args=[line.pk]),
        )
        for line in rows.order_by("-sheet__month", "-for_month", "pk")[:LINES]
    ]

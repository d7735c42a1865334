"""What is likely to be the same as last time, so that it need not be typed again."""

from __future__ import annotations

from typing import Any

from branches.models import Branch, OrganisationalLife, Village

Kind = OrganisationalLife.Kind

ALL_MEMBERS = frozenset(
    {Kind.MEMBER_MEETING, Kind.LECTURE, Kind.PARTY_DAY, Kind.LIFE_MEETING, Kind.REVIEW, Kind.VOLUNTEERING}
)
"""Kinds to which every member of the organization is due."""

USUAL_PLACE = "村党群服务中心"


def suggested_life(branch: Branch, kind: str) -> dict[str, Any]:
    """Place, chair, recorder and due count for a record of this kind; the last record of the kind tells most.

    The number due is that of the members where all are due, as the organization or the
    village card has it today, of the representatives for their meeting, else as last time.
    """
    records = OrganisationalLife.objects.filter(branch=branch, is_void=False)
    last = records.filter(kind=kind).first() or records.first()
    card = Village.objects.filter(unit=branch.unit_id).first()
    return {
        "place": last.place if last else USUAL_PLACE,
        "chair": last.chair if last else "",
        "recorder": last.recorder if last else "",
        "due_count": _due(branch, kind, last, card),
    }


def _due(branch: Branch, kind: str, last: OrganisationalLife | None, card: Village | None) -> int | None:
    if kind in ALL_MEMBERS:
        members = branch.member_count
        if members is None and branch.is_leading and card is not None:
            members = card.member_count
        if members is not None:
            return members
    if kind == Kind.REPRESENTATIVES and card is not None and card.representative_count is not None:
        return card.representative_count
    return last.due_count if last is not None and last.kind == kind else None

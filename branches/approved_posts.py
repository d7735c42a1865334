"""How many posts a village has approved (核定职数), on any day. Rule: docs/rules/posts-and-vacancies.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from branches.models import FormerApprovedPosts


def approved_on(today: Mapping[int, int], day: date) -> dict[int, int]:
    """Village -> posts approved on `day`; `today` is what the cards say now, by unit. One query."""
    found = dict(today)
    rows = FormerApprovedPosts.objects.filter(until__gte=day).order_by("-until")
    # The earliest row that still held on the day comes last and stays.
    for unit_id, number in rows.values_list("unit_id", "number"):
        if unit_id in found:
            found[unit_id] = number
    return found

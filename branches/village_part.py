"""Of the file of a village: its card, its Party organizations, its latest meetings and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from branches.labels import label_of
from branches.models import Branch, Decision, OrganisationalLife, Unit, Village
from branches.village_file import Figure, Part, Section

if TYPE_CHECKING:
    from accounts.models import User

LATEST = 5
CARD_FIELDS = (
    "household_count",
    "population",
    "group_count",
    "natural_village_count",
    "farmland_mu",
    "forest_mu",
    "approved_post_count",
)


def build(user: User, village: Unit, today: date) -> Part:
    """Four queries."""
    card = Village.objects.for_user(user).filter(unit=village).first()
    branches = list(Branch.objects.for_user(user).existing_on(today).filter(unit=village))
    sections = []
    if card is not None:
        rows = [(label_of(Village, name), getattr(card, name)) for name in CARD_FIELDS]
        context = {"rows": rows, "url": reverse("branches:village", args=[village.pk])}
        title = gettext_lazy("Basic figures")
        sections.append(_side(40, "card", title, "branches/_file_card.html", context))
    if branches:
        title = gettext_lazy("Party organizations")
        sections.append(_side(30, "branches", title, "branches/_file_branches.html", {"branches": branches}))
    latest = _latest(user, village)
    if latest:
        title = gettext_lazy("Latest meetings and decisions")
        sections.append(_side(50, "latest", title, "branches/_file_latest.html", {"latest": latest}))
    return Part(figures=[_members(card, branches)] if card or branches else [], sections=sections)


def _side(order: int, code: str, title: object, template: str, context: Mapping[str, object]) -> Section:
    return Section(order=order, code=code, title=str(title), template=template, context=context, is_side=True)


def _members(card: Village | None, branches: list[Branch]) -> Figure:
    """From the card; else what the organizations say."""
    counted = [branch.member_count for branch in branches if branch.member_count is not None]
    number = card.member_count if card and card.member_count is not None else sum(counted) if counted else None
    words = ngettext("%(count)d Party organization", "%(count)d Party organizations", len(branches))
    return Figure(
        order=40,
        label=gettext_lazy("Party members"),
        value="—" if number is None else str(number),
        unit="" if number is None else gettext_lazy("people"),
        note=words % {"count": len(branches)},
    )


def _latest(user: User, village: Unit) -> list[tuple[date, str, str]]:
    """(day, words, address), newest first."""
    life = OrganisationalLife.objects.for_user(user).filter(path=village.path, is_void=False).order_by("-held_on")
    decisions = Decision.objects.for_user(user).filter(path=village.path, is_void=False).order_by("-decided_on")
    found = [
        (row.held_on, f"{row.get_kind_display()}{_(': ') if row.theme else ''}{row.theme}", _page("life", row.pk))
        for row in life[:LATEST]
    ]
    found += [(row.decided_on, row.matter, _page("decision", row.pk)) for row in decisions[:LATEST] if row.decided_on]
    return sorted(found, key=lambda one: one[0], reverse=True)[:LATEST]


def _page(name: str, pk: int) -> str:
    return reverse(f"branches:{name}", args=[pk])

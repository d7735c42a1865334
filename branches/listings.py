"""Lists of villages, Party organizations and their life, on their way out of the portal."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from branches.labels import label_of
from branches.models import Branch, Decision, OrganisationalLife, Unit
from branches.record_forms import DecisionFilter, FilterForm, LifeFilter, VillageFilter
from branches.scoping import paths_for, rows_with
from branches.views.decisions import decisions_shown
from branches.views.life import life_shown
from branches.views.villages import cards_shown
from imports.listings import Listing
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

CHUNK = 2_000
"""Rows fetched at a time."""


class PlaceListing(Listing):
    """A list whose rows belong to places and whose conditions are a form."""

    @abstractmethod
    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        """The form of the list's page, filled with the conditions."""

    def with_right(self, rows: QuerySet[Any], user: User, permission: str) -> QuerySet[Any]:
        return rows_with(user, rows, permission)

    def paths(self, user: User) -> list[str]:
        return paths_for(user, self.permission)

    def told_filters(self, user: User, filters: Mapping[str, str]) -> list[tuple[str, str]]:
        form = self.form(user, filters)
        if not form.is_valid():
            return []
        told = [(str(form.fields[name].label or ""), _words(form, name)) for name in form.fields]
        return [(label, words) for label, words in told if label and words]


def _words(form: FilterForm, name: str) -> str:
    """What is chosen, as the page shows it."""
    value = form.cleaned_data.get(name)
    if value in (None, ""):
        return ""
    choices = getattr(form.fields[name], "choices", None)
    if choices is not None and not isinstance(value, Unit):
        return str(dict(choices).get(value, value))
    return str(value)


def townships_by_path() -> dict[str, str]:
    return dict(Unit.objects.townships().values_list("path", "name"))


def place_cells(unit: Unit, townships: Mapping[str, str]) -> dict[str, str]:
    """Township and village. Above the villages the unit itself stands at both: a blank would be filled from above."""
    if unit.kind == Unit.Kind.VILLAGE:
        return {"township": townships.get(unit.parent_path, ""), "village": unit.short_name}
    return {"township": unit.name, "village": unit.name}


class VillageCards(PlaceListing):
    name = "units"
    label = gettext_lazy("Village cards")
    permission = "branches.view_village"
    url_name = "branches:village_list"
    sheet_name = "units"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return VillageFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        return cards_shown(user, VillageFilter(filters, user=user), today).select_related("unit")

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        figures = [column.field for column in self.columns if column.field not in ("township", "village")]
        for card in rows.iterator(CHUNK):
            yield {**place_cells(card.unit, townships), **{name: getattr(card, name) for name in figures}}


class BranchFilter(FilterForm):
    """The conditions of the list in the admin, by the names it gives them."""

    q = forms.CharField(label=gettext_lazy("Name begins with"), required=False)
    kind__exact = forms.ChoiceField(
        label=gettext_lazy("kind"), choices=[("", ""), *Branch.Kind.choices], required=False
    )
    is_leading__exact = forms.ChoiceField(
        label=gettext_lazy("leading branch of the village"),
        choices=[("", ""), ("1", gettext_lazy("Yes")), ("0", gettext_lazy("No"))],
        required=False,
    )


class Branches(PlaceListing):
    """Organizations that exist; those that ended are no part of a roster."""

    name = "branches"
    label = gettext_lazy("Party organizations")
    permission = "branches.view_branch"
    url_name = "admin:branches_branch_changelist"
    sheet_name = "branches"

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return BranchFilter(filters)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        rows: Any = Branch.objects.for_user(user).existing_on(today).select_related("unit", "parent")
        form = BranchFilter(filters)
        if not form.is_valid():
            return rows.none()  # type: ignore[no-any-return]
        chosen = form.cleaned_data
        if chosen["q"]:
            typed = chosen["q"].strip()
            rows = rows.filter(name__startswith=typed) | rows.filter(unit__name__startswith=typed)
        if chosen["kind__exact"]:
            rows = rows.filter(kind=chosen["kind__exact"])
        if chosen["is_leading__exact"]:
            rows = rows.filter(is_leading=chosen["is_leading__exact"] == "1")
        return rows.order_by("unit__path", "-is_leading", "name", "pk")  # type: ignore[no-any-return]

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for branch in rows.iterator(CHUNK):
            yield {
                **place_cells(branch.unit, townships),
                "name": branch.name,
                "kind": branch.kind,
                "parent": branch.parent.name if branch.parent else None,
                "established_on": branch.established_on,
                "next_election_on": branch.next_election_on,
                "member_count": branch.member_count,
            }


TOWNSHIP = OutColumn("township", "乡镇(街道)")
VILLAGE = OutColumn("village", "村(社区)名称")


def _named(model: Any, name: str, number: str = "") -> OutColumn:
    return OutColumn(name, label_of(model, name), number)


def _of_a_month(filters: Mapping[str, str]) -> dict[str, str]:
    """Without a month the pages show the present one."""
    return {"month": f"{timezone.localdate():%Y-%m}", **filters}


class Life(PlaceListing):
    name = "life"
    label = gettext_lazy("Organisational life")
    permission = "branches.view_organisationallife"
    url_name = "branches:life_list"
    COUNTS = ("due_count", "present_count", "excused_count")
    TEXTS = ("held_on", "place", "theme", "chair", "recorder", *COUNTS, "content", "decisions", "recorded_on")

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        own = [_named(OrganisationalLife, name, "0" if name in self.COUNTS else "") for name in self.TEXTS]
        return (TOWNSHIP, VILLAGE, OutColumn("branch", _("Party organization")), OutColumn("kind", _("kind")), *own)

    def form(self, user: User, filters: Mapping[str, str]) -> LifeFilter:
        return LifeFilter(_of_a_month(filters), user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        return life_shown(user, self.form(user, filters), today.replace(day=1))[0]  # type: ignore[no-any-return]

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for record in rows.iterator(CHUNK):
            yield {
                **place_cells(record.branch.unit, townships),
                "branch": record.branch.name,
                "kind": record.get_kind_display(),
                **{name: getattr(record, name) for name in self.TEXTS},
            }


class Decisions(PlaceListing):
    name = "decisions"
    label = gettext_lazy("Village decisions")
    permission = "branches.view_decision"
    url_name = "branches:decision_list"
    TEXTS = ("matter", "decided_on", *Decision.STEPS)

    @property
    def columns(self) -> tuple[OutColumn, ...]:  # type: ignore[override]
        own = [_named(Decision, name) for name in self.TEXTS]
        return (TOWNSHIP, VILLAGE, own[0], OutColumn("origin", _("origin")), *own[1:])

    def form(self, user: User, filters: Mapping[str, str]) -> DecisionFilter:
        return DecisionFilter(_of_a_month(filters), user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        return decisions_shown(user, self.form(user, filters))  # type: ignore[no-any-return]

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for decision in rows.iterator(CHUNK):
            yield {
                **place_cells(decision.unit, townships),
                "origin": decision.get_origin_display(),
                **{name: getattr(decision, name) for name in self.TEXTS},
            }


LISTINGS = (VillageCards(), Branches(), Life(), Decisions())

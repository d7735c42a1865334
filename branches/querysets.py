"""Named sets of rows, first of all: the rows on which a user may act."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from treebeard.mp_tree import MP_NodeManager, MP_NodeQuerySet

from branches.scoping import scope_condition

if TYPE_CHECKING:
    from accounts.models import User


class ScopedQuerySet(models.QuerySet[Any]):
    """Every queryset of a row that belongs to a place of the tree."""

    def for_user(self, user: User, action: str = "view") -> Self:
        """Rows on which the user may do `action`: view, add, change, delete, or one of the rare verbs."""
        condition = scope_condition(user, self.model, action)
        return self.none() if condition is None else self.filter(condition)


def valid_on(day: date, prefix: str = "") -> Q:
    """Condition of a dated row (valid_from, valid_to inclusive or empty) that holds on `day`.

    `prefix` leads from the rows asked to the dated one, such as "unit__".
    """
    begun = Q(**{f"{prefix}valid_from__lte": day})
    return begun & (Q(**{f"{prefix}valid_to__isnull": True}) | Q(**{f"{prefix}valid_to__gte": day}))


class UnitQuerySet(ScopedQuerySet, MP_NodeQuerySet):
    def valid_on(self, day: date) -> Self:
        return self.filter(valid_on(day))

    def under(self, path: str) -> Self:
        """The unit with this path and everything below it."""
        return self.filter(path__startswith=path)

    def villages(self) -> Self:
        return self.filter(kind="village")

    def townships(self) -> Self:
        return self.filter(kind="township")

    def counties(self) -> Self:
        return self.filter(kind="county")


class UnitManager(MP_NodeManager.from_queryset(UnitQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> UnitQuerySet:
        return UnitQuerySet(self.model, using=self._db).order_by("path")


class MembershipQuerySet(ScopedQuerySet):
    def effective_on(self, day: date) -> Self:
        """Memberships that are confirmed and hold on `day`."""
        return self.filter(valid_on(day), confirmed_by__isnull=False)


class BranchQuerySet(ScopedQuerySet):
    def existing_on(self, day: date) -> Self:
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day))

    def leading(self) -> Self:
        return self.filter(is_leading=True)

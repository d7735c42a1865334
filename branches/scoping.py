"""The one place that decides which rows a user may act on.

A membership says: this user, this role, this unit, and for a lead department which
subjects. It holds for the unit and all below it. The role's permissions stand in
`accounts.roles`; nothing else grants any.
Rule: docs/rules/scope.md.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.roles import Role, roles_with

if TYPE_CHECKING:
    from accounts.models import User


Rows = TypeVar("Rows", bound=QuerySet[Any])

STEP = 4
"""Characters of a materialised path for each level of the tree."""


def permission_name(model: type[Model], action: str) -> str:
    """Such as "branches.change_unit"."""
    return f"{model._meta.app_label}.{action}_{model._meta.model_name}"


def memberships_of(user: User) -> list[tuple[Role, str, str]]:
    """(role, path of the unit, its name) of the user's effective memberships, read once for each user object and day.

    The list is kept on the user object: a request asks dozens of times, and a user
    object lives as long as a request or a job, so a right taken away ends with it.
    """
    return [(held.role, held.path, held.name) for held in _held_by(user)]


class _Held(NamedTuple):
    role: Role
    path: str
    name: str
    subjects: frozenset[str]


def _held_by(user: User) -> list[_Held]:
    today = timezone.localdate()
    kept = getattr(user, "_memberships", None)
    if kept is not None and kept[0] == today:
        return kept[1]
    from branches.models import Membership  # noqa: PLC0415  (models import this module)

    rows = [
        _Held(Role(role), path, name, split_subjects(subjects))
        for role, path, name, subjects in Membership.objects.effective_on(today)
        .filter(user_id=user.pk)
        .values_list("role", "unit__path", "unit__name", "subjects")
        .order_by("unit__path", "role")
    ]
    user._memberships = (today, rows)  # type: ignore[attr-defined]
    return rows


def split_subjects(text: str) -> frozenset[str]:
    """Codes of the subjects of a membership, as in "F2, F3"; empty for a role that is not about some subjects only."""
    return frozenset(re.findall(r"[A-Z][A-Z0-9]*", text))


def paths_for(user: User, permission: str) -> list[str]:
    """Paths of the topmost units at which the user holds `permission`. Empty: nowhere."""
    paths = sorted({held.path for held in _granting(user, permission)})
    return [path for path in paths if not any(path != other and path.startswith(other) for other in paths)]


def _granting(user: User, permission: str) -> list[_Held]:
    if not user.is_authenticated or not user.is_active:
        return []
    granting = roles_with(permission)
    return [held for held in _held_by(user) if held.role in granting]


def subjects_for(user: User, permission: str) -> frozenset[str] | None:
    """Subjects to which the user's right is limited; None where some role grants it for all of them."""
    held = _granting(user, permission)
    if any(not one.subjects for one in held):
        return None
    return frozenset(code for one in held for code in one.subjects)


def scope_condition(user: User, model: type[Model], action: str) -> Q | None:
    """Condition for the rows of `model` on which the user may do `action`, None for no rows.

    `model.scope_path` is the look-up to a materialised path: rows at or below the
    user's unit. `model.shared` names the actions for which rows that belong to a unit
    *above* the user's count too, with the look-up to that unit's path: a township reads
    its county's calendar and published rankings. `model.scope_parts` names the actions for
    which a row counts too when one of its parts lies within, with the look-up to the parts'
    path: a township reads a project of several townships in which its village takes part.
    `model.subject_path` is the look-up to the subject a row is about: a lead department has
    only the rows of its own subjects.
    """
    permission = permission_name(model, action)
    paths = paths_for(user, permission)
    if not paths:
        return None
    granting = _granting(user, permission)
    if hasattr(model, "subject_path"):
        conditions = [_of_subjects(model, held, _below(model.scope_path, held.path)) for held in granting]  # type: ignore[attr-defined]
    else:
        conditions = [Q(**{f"{model.scope_path}__startswith": path}) for path in paths]  # type: ignore[attr-defined]
    part: str | None = getattr(model, "scope_parts", {}).get(action)
    if part is not None:
        conditions += [_with_a_part_in(model, part, held) for held in granting]
    shared: str | None = getattr(model, "shared", {}).get(action)
    if shared is not None:
        conditions += [_of_subjects(model, held, _at_or_around(shared, held.path)) for held in granting]
    return reduce(or_, conditions)


def _below(lookup: str, path: str) -> Q:
    return Q(**{f"{lookup}__startswith": path})


def _at_or_around(lookup: str, path: str) -> Q:
    """Rows of units above the path too."""
    above = [path[:end] for end in range(STEP, len(path), STEP)]
    return Q(**{f"{lookup}__in": above}) | _below(lookup, path)


def _of_subjects(model: Any, held: _Held, rows: Q) -> Q:
    """Of these rows those that the membership is about."""
    if not held.subjects or not hasattr(model, "subject_path"):
        return rows
    return rows & Q(**{f"{model.subject_path}__in": sorted(held.subjects)})


def _with_a_part_in(model: Any, part: str, held: _Held) -> Q:
    """By key, since a join to the parts would give a row once for each of them."""
    rows = model._base_manager.filter(_of_subjects(model, held, _below(part, held.path)))
    return Q(pk__in=rows.values("pk"))


def rows_for(user: User, model: type[Model], action: str = "view") -> QuerySet[Any]:
    """Rows of any model with a `scope_path` on which the user may do `action`.

    The same as `for_user`, also for models of the apps below this one, which cannot
    build on ScopedQuerySet. A model without a scope is a mistake of ours.
    """
    rows = model._default_manager.all()
    if hasattr(rows, "for_user"):
        return rows.for_user(user, action)
    if not hasattr(model, "scope_path"):
        raise ImproperlyConfigured(f"{model._meta.label} has no scope_path, so nobody can say whose rows they are.")
    condition = scope_condition(user, model, action)
    return rows.none() if condition is None else rows.filter(condition)


def rows_with(user: User, rows: Rows, permission: str) -> Rows:
    """Those of `rows` that lie where the user holds `permission`, be it one about another model.

    For the choices of a form: the villages for which the user may add a decision.
    """
    paths = paths_for(user, permission)
    if not paths:
        return rows.none()
    lookup = rows.model.scope_path
    return rows.filter(reduce(or_, (Q(**{f"{lookup}__startswith": path}) for path in paths)))


def must_hold(user: User, permission: str) -> None:
    """For a page that is not about one row: PermissionDenied unless the user holds the right anywhere."""
    if not paths_for(user, permission):
        raise PermissionDenied


def path_of(row: Model) -> str:
    """The materialised path by which the row is in or out of somebody's scope."""
    value: Any = row
    for step in row.scope_path.split("__"):  # type: ignore[attr-defined]
        value = getattr(value, step)
    return str(value)


def fetch(user: User, model: type[Model], pk: int, action: str = "view") -> Any:
    """The row, for a page about one row.

    Http404 when it is not in the user's sight, whether or not it exists; PermissionDenied
    when it is, but the user may not do `action` to it.
    """
    row = rows_for(user, model).filter(pk=pk).first()
    if row is None:
        raise Http404
    if action != "view" and not rows_for(user, model, action).filter(pk=pk).exists():
        raise PermissionDenied
    return row

"""Passwords from Django, rights from memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model
from django.utils import timezone

from accounts.roles import Role, permissions_of
from branches.scoping import memberships_of, paths_for, rows_for

if TYPE_CHECKING:
    from accounts.models import User


class ScopeBackend(ModelBackend):
    """Answers "may I?" with the same filter that answers "which rows?"."""

    def user_can_authenticate(self, user: User | None) -> bool:  # type: ignore[override]
        """Asked at login and for each request of a session: an account ends on its last day."""
        return user is not None and user.may_enter_on(timezone.localdate())

    def has_perm(self, user_obj: User, perm: str, obj: Model | None = None) -> bool:  # type: ignore[override]
        if obj is None:
            return bool(paths_for(user_obj, perm))
        if not hasattr(obj, "scope_path") or obj.pk is None:
            return bool(paths_for(user_obj, perm))
        action = perm.split(".", 1)[1].removesuffix(f"_{obj._meta.model_name}")
        return rows_for(user_obj, type(obj), action).filter(pk=obj.pk).exists()

    def roles_of(self, user: User) -> list[tuple[Role, str, str]]:
        """(role, path, name of the unit) of each membership in effect. The audit trail asks this way."""
        return memberships_of(user)

    def has_module_perms(self, user_obj: User, app_label: str) -> bool:  # type: ignore[override]
        if not user_obj.is_active:
            return False
        return any(
            permission.startswith(f"{app_label}.")
            for role, _path, _name in memberships_of(user_obj)
            for permission in permissions_of(role)
        )

    def get_all_permissions(self, user_obj: User, obj: Model | None = None) -> set[str]:  # type: ignore[override]
        return {p for role, _path, _name in memberships_of(user_obj) for p in permissions_of(role)}

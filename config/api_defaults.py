"""Defaults of Django REST Framework. A module of its own, since the framework reads it while it loads itself."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyByDefault(BasePermission):
    """An endpoint that names no permission of its own is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class Page(LimitOffsetPagination):
    default_limit = 50
    max_limit = 500
    max_offset = 2**31

    def get_offset(self, request: Any) -> int:
        """Beyond any row is an empty page, not a number too large for the database."""
        return min(super().get_offset(request), self.max_offset)

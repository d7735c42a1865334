"""mypy: `request.user` is a User. The edges let nobody else in (admin_view, DenyByDefault); pages that do ask first."""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import TypeInfo
from mypy.plugin import AttributeContext, Plugin
from mypy.types import Instance, Type

USER = "accounts.models.User"
ATTRIBUTES = ("django.http.request.HttpRequest.user", "rest_framework.request.Request.user")


class UserPlugin(Plugin):
    """Answers before django-stubs, which says User or AnonymousUser at each of a hundred places."""

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return self._user if fullname in ATTRIBUTES or fullname.endswith("Request.user") else None

    def _user(self, context: AttributeContext) -> Type:
        found = self.lookup_fully_qualified(USER)
        if found is None or not isinstance(found.node, TypeInfo):
            return context.default_attr_type
        return Instance(found.node, [])


def plugin(version: str) -> type[Plugin]:
    return UserPlugin

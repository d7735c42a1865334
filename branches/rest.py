"""What the endpoints of all apps stand on: the right asked before, the rows asked for, versions by ETag."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from branches.models import Unit
from branches.scoping import paths_for, permission_name, rows_for


class PreconditionRequired(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = _("Send If-Match with the ETag you read, so that nobody's change is overwritten.")
    default_code = "precondition_required"


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = _("Somebody changed this meanwhile. Read it again and repeat your change.")
    default_code = "changed_meanwhile"


class HasRight(BasePermission):
    """403 without the right anywhere; where it does not hold, the row does not exist (404)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if getattr(view, "swagger_fake_view", False):
            return True
        user = request.user
        return bool(user.is_authenticated and paths_for(user, view.permission()))


class ScopedViewSet(GenericViewSet):
    """Rows of `model` on which the user may do the verb of the action; `verbs` names it, "view" otherwise."""

    model: type[Model]
    verbs: ClassVar[dict[str, str]] = {}
    permission_classes = (HasRight,)

    @property
    def verb(self) -> str:
        return self.verbs.get(self.action, "view")

    def permission(self) -> str:
        return permission_name(self.model, self.verb)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.dressed(rows_for(self.request.user, self.model, self.verb))

    def dressed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Joins and annotations that the serializer reads."""
        return rows


class UnderFilter(django_filters.FilterSet):
    """Rows of one unit and all below it, named by its code."""

    under = django_filters.CharFilter(method="filter_under", label="Code of a unit: it and all below")
    place = "unit__path"
    """The look-up to the path of a row's unit."""

    def filter_under(self, rows: QuerySet[Any], name: str, code: str) -> QuerySet[Any]:
        unit = Unit.objects.for_user(self.request.user).filter(code=code).first()
        return rows.filter(**{f"{self.place}__startswith": unit.path}) if unit else rows.none()


class VillageFields(serializers.Serializer[Any]):
    """The village of a row."""

    village = serializers.IntegerField(source="unit_id", read_only=True)
    village_code = serializers.CharField(source="unit.code", read_only=True, allow_null=True)
    village_name = serializers.CharField(source="unit.short_name", read_only=True)


def etag(version: int) -> str:
    return f'"{version}"'


def check_version(request: Request, version: int) -> None:
    """Raises 428 without If-Match and 412 when it names another version."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        raise PreconditionRequired
    if wanted.strip() != etag(version):
        raise PreconditionFailed

"""Endpoints of the tree of places."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin

from branches.models import Unit
from branches.rest import ScopedViewSet


class UnitSerializer(serializers.ModelSerializer[Unit]):
    parent = serializers.SerializerMethodField(  # type: ignore[assignment]  # a column of that name, not the serializer above
        help_text="Code of the unit above, null at the top of what you may see."
    )

    class Meta:
        model = Unit
        fields = ("id", "code", "kind", "name", "parent", "valid_from", "valid_to", "merged_into")
        read_only_fields = fields

    def get_parent(self, unit: Unit) -> str | None:
        return self.context["codes"].get(unit.parent_path)


class UnitFilter(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="startswith", label="Beginning of the name")
    under = django_filters.CharFilter(method="filter_under", label="Code of a unit: it and all below")

    class Meta:
        model = Unit
        fields = ("kind", "code", "name", "under")

    def filter_under(self, rows: QuerySet[Unit], name: str, code: str) -> QuerySet[Unit]:
        unit = rows.filter(code=code).first()
        return rows.under(unit.path) if unit else rows.none()  # type: ignore[attr-defined]


class UnitViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Provinces to villages in your area, closed ones included."""

    model = Unit
    serializer_class = UnitSerializer
    filterset_class = UnitFilter

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "codes": _CodesAbove(self)}


class _CodesAbove:
    """Codes of the units above those of the page, read in one query the first time one is asked for."""

    def __init__(self, view: UnitViewSet) -> None:
        self._view = view
        self._codes: dict[str, str | None] | None = None

    def get(self, path: str) -> str | None:
        if self._codes is None:
            above = self._view.get_queryset().exclude(kind=Unit.Kind.VILLAGE)
            self._codes = dict(above.values_list("path", "code"))
        return self._codes.get(path)

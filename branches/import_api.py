"""Endpoints of roster imports: the same way as the pages, with the answer of the command (docs/import.md)."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import django_filters
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from branches.import_pages import batches_for
from branches.rest import ScopedViewSet
from imports import batches
from imports.choices import RowPlace
from imports.models import ImportBatch
from imports.preview import answer_with_problems
from imports.sheets import names

PROBLEM = {
    "type": "object",
    "properties": {
        "worksheet": {"type": "string"},
        "row": {"type": "integer"},
        "column": {"type": "string"},
        "code": {"type": "string"},
        "level": {"type": "string", "enum": ["error", "warning"]},
        "message": {"type": "string"},
    },
}
ANSWER = {
    "type": "object",
    "description": "What the check found: tables, counts and every problem, as import_roster --json prints it. "
    "Empty until the file has been read.",
    "properties": {"ok": {"type": "boolean"}, "problems": {"type": "array", "items": PROBLEM}},
    "additionalProperties": True,
}


class ImportBatchSerializer(serializers.ModelSerializer[ImportBatch]):
    uploaded_by = serializers.CharField(source="uploaded_by.username", read_only=True)

    class Meta:
        model = ImportBatch
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "sheet",
            "file_name",
            "file_size",
            "state",
            "is_stale",
            "uploaded_by",
            "uploaded_at",
            "applied_at",
            "undone_at",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class ImportBatchDetailSerializer(ImportBatchSerializer):
    is_under_way = serializers.SerializerMethodField(help_text="A job works on it: ask again in a moment.")
    answer = serializers.SerializerMethodField()

    class Meta(ImportBatchSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ImportBatchSerializer.Meta.fields, "is_under_way", "answer")
        read_only_fields: ClassVar[tuple[str, ...]] = fields

    def get_is_under_way(self, batch: ImportBatch) -> bool:
        return batches.is_under_way(batch)

    @extend_schema_field(ANSWER)
    def get_answer(self, batch: ImportBatch) -> dict[str, Any]:
        return answer_with_problems(batch) if batch.answer else {}


class UploadSerializer(serializers.Serializer[Any]):
    sheet = serializers.ChoiceField(choices=[])
    file = serializers.FileField(allow_empty_file=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sheet"].choices = names()  # type: ignore[attr-defined]


class CorrectedCellSerializer(serializers.Serializer[Any]):
    """What to read at a cell instead of what it says. An empty text: the cell counts as empty."""

    worksheet = serializers.CharField(max_length=100)
    row = serializers.IntegerField(min_value=1, max_value=10_000_000)
    column = serializers.CharField(max_length=200, help_text="The heading that the problem names.")
    text = serializers.CharField(allow_blank=True, max_length=2000, trim_whitespace=False)


class AnsweredRowSerializer(serializers.Serializer[Any]):
    """A whole row: kept out of the import, or its village made where there is none and you may add it."""

    worksheet = serializers.CharField(max_length=100)
    row = serializers.IntegerField(min_value=1, max_value=10_000_000)
    leave_out = serializers.BooleanField(required=False)
    make_place = serializers.BooleanField(required=False)


class CorrectedCellsSerializer(serializers.Serializer[Any]):
    cells = CorrectedCellSerializer(many=True, required=False)
    rows = AnsweredRowSerializer(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("cells") and not attrs.get("rows"):
            raise serializers.ValidationError(_("Name at least one cell or row."), "nothing")
        return attrs


class ConfirmSerializer(serializers.Serializer[Any]):
    all_or_nothing = serializers.BooleanField(default=False)
    left = serializers.DictField(
        child=serializers.DateField(),
        default=dict,
        help_text="Key of a record that the file leaves out (person:7, posting:9, reserve:3) -> its last day.",
    )


class ImportBatchFilter(django_filters.FilterSet):
    class Meta:
        model = ImportBatch
        fields = ("sheet", "state")


class ImportBatchViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Imports of your area, the latest first. Only who uploaded a file can answer and confirm it."""

    model = ImportBatch
    filterset_class = ImportBatchFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add", "cells": "change", "confirm": "change", "undo": "change"}

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ImportBatch.objects.none()
        return batches_for(self.request.user, self.verb)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ImportBatchSerializer if self.action == "list" else ImportBatchDetailSerializer

    def get_parsers(self) -> list[Any]:
        is_upload = self.request is not None and self.action_map.get("post") == "create"  # type: ignore[attr-defined]
        return [MultiPartParser()] if is_upload else super().get_parsers()

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={status.HTTP_201_CREATED: ImportBatchDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        """Upload a roster. A job reads and checks it; nothing is written until it is confirmed."""
        body = UploadSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        file = body.validated_data["file"]
        batch = batches.upload(body.validated_data["sheet"], file.name, file.read(), by=request.user)
        return Response(self._told(batch), status=status.HTTP_201_CREATED)

    @extend_schema(request=CorrectedCellsSerializer, responses=ImportBatchDetailSerializer)
    @action(detail=True, methods=["post"])
    def cells(self, request: Request, pk: str) -> Response:
        """Correct cells, keep rows out; the file is checked again."""
        batch = self.get_object()
        body = CorrectedCellsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = {
            (cell["worksheet"], cell["row"], cell["column"]): cell["text"]
            for cell in body.validated_data.get("cells", ())
        }
        ticks: dict[str, dict[RowPlace, bool]] = {
            name: {
                (row["worksheet"], row["row"]): row[name] for row in body.validated_data.get("rows", ()) if name in row
            }
            for name in ("leave_out", "make_place")
        }
        batches.answer_cells(batch, given, by=request.user, left_out=ticks["leave_out"], new_places=ticks["make_place"])
        return Response(self._told(batch))

    @extend_schema(request=ConfirmSerializer, responses=ImportBatchDetailSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Have what the check shows written, once."""
        batch = self.get_object()
        body = ConfirmSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        left: dict[str, date] = body.validated_data["left"]
        batches.confirm(batch, by=request.user, is_all_or_nothing=body.validated_data["all_or_nothing"], left=left)
        return Response(self._told(batch))

    @extend_schema(request=None, responses=ImportBatchDetailSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Have everything put back as it stood before, within the days of undoing."""
        batch = self.get_object()
        batches.undo(batch, by=request.user)
        return Response(self._told(batch))

    def _told(self, batch: ImportBatch) -> Any:
        return ImportBatchDetailSerializer(ImportBatch.objects.select_related("uploaded_by").get(pk=batch.pk)).data

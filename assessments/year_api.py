"""Endpoints of the year: the same services, scopes and checks as the pages."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.reauth import has_recent_password
from assessments.api import IF_MATCH, points_field
from assessments.models import CadreResult, VillageYear, YearAssessment
from assessments.models.year import Grade
from assessments.services import year as years
from assessments.services.year_cadres import set_grade
from branches.rest import ScopedViewSet, check_version, etag

# --- Assessments --------------------------------------------------------------------------


class YearAssessmentSerializer(serializers.ModelSerializer[YearAssessment]):
    county = serializers.CharField(source="unit.code", read_only=True, allow_null=True)

    class Meta:
        model = YearAssessment
        fields = (
            "id", "county", "year", "span", "revision", "revision_reason", "document", "state", "computed_at",
            "checksum", "published_at", "quota_reason",
        )  # fmt: skip
        read_only_fields = fields


class YearAssessmentDetailSerializer(YearAssessmentSerializer):
    rules = serializers.SerializerMethodField(help_text="Weights, lines, shares and departments; numbers as text.")

    class Meta(YearAssessmentSerializer.Meta):
        fields: Any = (*YearAssessmentSerializer.Meta.fields, "rules")
        read_only_fields: Any = fields

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_rules(self, row: YearAssessment) -> dict[str, Any]:
        return years.rules_of(row).to_stored()


class YearAssessmentFilter(django_filters.FilterSet):
    year = django_filters.NumberFilter(field_name="year")
    span = django_filters.ChoiceFilter(choices=YearAssessment.Span.choices)
    state = django_filters.ChoiceFilter(choices=YearAssessment.State.choices)


class PublishYearSerializer(serializers.Serializer[Any]):
    quota_reason = serializers.CharField(
        max_length=500,
        required=False,
        default="",
        allow_blank=True,
        help_text="Why it stands that more are excellent than the share allows.",
    )


class ReviseYearSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class YearAssessmentViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Half-yearly and yearly assessments of the county. Every step needs the ETag that was read."""

    model = YearAssessment
    filterset_class = YearAssessmentFilter
    verbs: ClassVar[dict[str, str]] = {"compute": "compute", "publish": "publish", "revise": "compute"}

    def dressed(self, rows: QuerySet[YearAssessment]) -> QuerySet[YearAssessment]:
        return rows.select_related("unit")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return YearAssessmentSerializer if self.action == "list" else YearAssessmentDetailSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    def _answer(self, row: YearAssessment, code: int = status.HTTP_200_OK) -> Response:
        data = YearAssessmentDetailSerializer(row).data
        return Response(data, status=code, headers={"ETag": etag(row.version)})

    def _taken(self, request: Request) -> YearAssessment:
        """The row on the version that was read."""
        row: YearAssessment = self.get_object()
        check_version(request, row.version)
        return row

    @extend_schema(parameters=[IF_MATCH], request=None, responses=YearAssessmentDetailSerializer)
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def compute(self, request: Request, pk: str) -> Response:
        """Compute villages and cadres from what is there."""
        return self._answer(years.compute_assessment(self._taken(request), by=request.user, now=timezone.now()))

    @extend_schema(parameters=[IF_MATCH], request=PublishYearSerializer, responses=YearAssessmentDetailSerializer)
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def publish(self, request: Request, pk: str) -> Response:
        """Publish what somebody else had computed. Needs a password that was given a few minutes ago."""
        row = self._taken(request)
        if not has_recent_password(request._request):
            raise ValidationError(_("Give your password again on the pages, then publish."), "password_too_old")
        body = PublishYearSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        done = years.publish_assessment(
            row, version=row.version, by=request.user, now=timezone.now(), **body.validated_data
        )
        return self._answer(done)

    @extend_schema(parameters=[IF_MATCH], request=ReviseYearSerializer, responses={201: YearAssessmentDetailSerializer})
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def revise(self, request: Request, pk: str) -> Response:
        """Open the next revision of a published assessment, with its reason."""
        row = self._taken(request)
        body = ReviseYearSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = years.revise_assessment(row, reason=body.validated_data["reason"], by=request.user)
        return self._answer(made, status.HTTP_201_CREATED)


# --- Results ------------------------------------------------------------------------------


class VillageYearSerializer(serializers.ModelSerializer[VillageYear]):
    assessment = serializers.IntegerField(source="assessment_id", read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    code = serializers.CharField(source="village.code", read_only=True, allow_null=True)
    name = serializers.CharField(source="village.name", read_only=True)
    total = points_field("total_hundredths")

    class Meta:
        model = VillageYear
        fields = (
            "id", "assessment", "village", "code", "name", "total", "grade", "county_rank", "township_rank", "veto",
            "missing",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "missing": {"help_text": "Parts without data; such a village has no rank."}
        }


LINES = {"type": "array", "items": {"type": "object", "additionalProperties": True}}


@extend_schema_field(LINES)
class LinesField(serializers.JSONField):
    """Printed lines, points and values in whole hundredths; their points sum to the total."""


class VillageYearDetailSerializer(VillageYearSerializer):
    lines = LinesField(read_only=True)

    class Meta(VillageYearSerializer.Meta):
        fields: Any = (*VillageYearSerializer.Meta.fields, "lines")
        read_only_fields: Any = fields


class VillageYearFilter(django_filters.FilterSet):
    assessment = django_filters.NumberFilter(field_name="assessment_id")
    grade = django_filters.ChoiceFilter(choices=Grade.choices)


class VillageYearViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Villages' results of a half or a whole year, with their lines; before publication for the county alone."""

    model = VillageYear
    filterset_class = VillageYearFilter

    def dressed(self, rows: QuerySet[VillageYear]) -> QuerySet[VillageYear]:
        return rows.select_related("village")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return VillageYearSerializer if self.action == "list" else VillageYearDetailSerializer


class CadreResultSerializer(serializers.ModelSerializer[CadreResult]):
    assessment = serializers.IntegerField(source="assessment_id", read_only=True)
    person = serializers.IntegerField(source="person_id", read_only=True)
    name = serializers.CharField(source="person.name", read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    village_score = points_field("village_hundredths")
    personal_score = points_field("personal_hundredths")
    total = points_field("total_hundredths")

    class Meta:
        model = CadreResult
        fields = (
            "id", "assessment", "person", "name", "village", "post", "village_score", "personal_score", "total",
            "township_rank", "proposed", "grade", "grade_reason", "missing",
        )  # fmt: skip
        read_only_fields = fields


class CadreResultDetailSerializer(CadreResultSerializer):
    lines = LinesField(read_only=True)

    class Meta(CadreResultSerializer.Meta):
        fields: Any = (*CadreResultSerializer.Meta.fields, "lines")
        read_only_fields: Any = fields


class NewGradeSerializer(serializers.Serializer[Any]):
    grade = serializers.ChoiceField(choices=Grade.choices)
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    base = serializers.ChoiceField(choices=Grade.choices, help_text="The grade that you read.")


class CadreResultFilter(django_filters.FilterSet):
    assessment = django_filters.NumberFilter(field_name="assessment_id")
    person = django_filters.NumberFilter(field_name="person_id")
    grade = django_filters.ChoiceFilter(choices=Grade.choices)


class CadreResultViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Cadres' results of a half or a whole year; before publication for the county alone."""

    model = CadreResult
    filterset_class = CadreResultFilter
    verbs: ClassVar[dict[str, str]] = {"grade": "change"}

    def dressed(self, rows: QuerySet[CadreResult]) -> QuerySet[CadreResult]:
        return rows.select_related("person")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return CadreResultSerializer if self.action == "list" else CadreResultDetailSerializer

    @extend_schema(request=NewGradeSerializer, responses=CadreResultDetailSerializer)
    @action(detail=True, methods=["post"])
    def grade(self, request: Request, pk: str) -> Response:
        """Another grade than the lines give, with its reason, before publication."""
        body = NewGradeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        done = set_grade(self.get_object(), **body.validated_data, by=request.user)
        return Response(CadreResultDetailSerializer(done).data)

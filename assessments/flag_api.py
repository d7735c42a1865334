"""Endpoints of the red flags: rounds and their rules, applications and their steps, flags and what takes them away.

The services of the pages. Approving flags and revocations asks for the password again and stands on the pages alone.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from assessments.api import IF_MATCH, MonthField, points_field
from assessments.models import (
    FlagApplication,
    FlagAward,
    FlagCategory,
    FlagCriterion,
    FlagRevocation,
    FlagRound,
)
from assessments.rules import from_hundredths
from assessments.services import flag_decisions, flag_path
from assessments.services.flag_decisions import Decision
from assessments.services.flag_path import Recheck, Review, Wish
from branches.models import Unit
from branches.rest import ScopedViewSet, check_version, etag
from branches.scoping import rows_for, rows_with

MOST = 2**62


# --- Rounds and their rules -------------------------------------------------------------------


class FlagRoundSerializer(serializers.ModelSerializer[FlagRound]):
    county = serializers.CharField(source="unit.code", read_only=True, allow_null=True)

    class Meta:
        model = FlagRound
        fields = (
            "id", "county", "name", "title", "document", "first_on", "last_on", "apply_by", "valid_to", "notice_days",
            "panel_share", "panel_dropped", "state", "opened_at", "closed_at",
        )  # fmt: skip
        read_only_fields = fields


class FlagCategorySerializer(serializers.ModelSerializer[FlagCategory]):
    round = serializers.IntegerField(source="round_id", read_only=True)

    class Meta:
        model = FlagCategory
        fields = ("id", "round", "code", "name", "lead", "pass_line", "quota", "is_party_building")
        read_only_fields = fields


class FlagCriterionSerializer(serializers.ModelSerializer[FlagCriterion]):
    category = serializers.IntegerField(source="category_id", read_only=True)

    class Meta:
        model = FlagCriterion
        fields = (
            "id", "category", "code", "name", "is_gate", "points", "source", "source_code", "rule_type", "parameters",
            "definition",
        )  # fmt: skip
        read_only_fields = fields


class FlagRoundFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=FlagRound.State.choices)


class FlagCategoryFilter(django_filters.FilterSet):
    round = django_filters.NumberFilter(field_name="round_id")


class FlagCriterionFilter(django_filters.FilterSet):
    category = django_filters.NumberFilter(field_name="category_id")


class FlagRoundViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Rounds of flags of the county, the latest first."""

    model = FlagRound
    serializer_class = FlagRoundSerializer
    filterset_class = FlagRoundFilter

    def dressed(self, rows: QuerySet[FlagRound]) -> QuerySet[FlagRound]:
        return rows.select_related("unit")


class FlagCategoryViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """The flags of each round."""

    model = FlagCategory
    serializer_class = FlagCategorySerializer
    filterset_class = FlagCategoryFilter


class FlagCriterionViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Criteria and gates of each flag."""

    model = FlagCriterion
    serializer_class = FlagCriterionSerializer
    filterset_class = FlagCriterionFilter


# --- Applications -----------------------------------------------------------------------------


class GivenField(serializers.Field):
    """Points as decimal text, or true and false for a gate."""

    def to_representation(self, value: Any) -> Any:
        return value if value is None or isinstance(value, bool) else f"{from_hundredths(value):.2f}"

    def to_internal_value(self, data: Any) -> int | bool:
        if isinstance(data, bool):
            return data
        try:
            value = Decimal(data) if isinstance(data, str) else Decimal(-1)
            if not value.is_finite() or value != value.quantize(Decimal("0.01")) or not 0 <= value <= 100:
                raise InvalidOperation
        except InvalidOperation as error:
            raise serializers.ValidationError(
                _("Give points as text with at most two decimals, a gate as true or false."), "invalid"
            ) from error
        return int(value.scaleb(2))


extend_schema_field({"oneOf": [{"type": "string", "example": "14.50"}, {"type": "boolean"}]})(GivenField)


class FlagLineSerializer(serializers.Serializer[Any]):
    """A criterion with what everybody gave; null is "not given"."""

    code = serializers.CharField()
    computed = GivenField(allow_null=True)
    value = serializers.CharField(allow_blank=True)
    records = serializers.CharField(allow_blank=True)
    applied = GivenField(source="self", allow_null=True)
    township = GivenField(allow_null=True)
    checked = GivenField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class FlagApplicationSerializer(serializers.ModelSerializer[FlagApplication]):
    round = serializers.IntegerField(source="round_id", read_only=True)
    category = serializers.IntegerField(source="category_id", read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    name = serializers.CharField(source="village.name", read_only=True)
    own_points = points_field("self_hundredths")
    township_points = points_field("township_hundredths")
    checked_points = points_field("checked_hundredths")
    panel_points = points_field("panel_hundredths")
    score = points_field("score_hundredths")
    gates_failed = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = FlagApplication
        fields = (
            "id", "round", "category", "code", "village", "name", "state", "own_points", "township_points",
            "township_rank", "checked_points", "panel_points", "score", "gates_failed", "is_granted", "met_on",
            "minute_number", "decision_reason", "notice_from", "notice_to",
        )  # fmt: skip
        read_only_fields = fields


class FlagApplicationDetailSerializer(FlagApplicationSerializer):
    lines = FlagLineSerializer(many=True, read_only=True)

    class Meta(FlagApplicationSerializer.Meta):
        fields: Any = (
            *FlagApplicationSerializer.Meta.fields, "text", "township_opinion", "department_opinion", "lines",
        )  # fmt: skip
        read_only_fields: Any = fields


class PointsField(serializers.DictField):
    """Code of a criterion -> points as text, or true and false for a gate."""

    child = GivenField()


class NewApplicationSerializer(serializers.Serializer[Any]):
    category = serializers.IntegerField(min_value=1, max_value=MOST)
    village = serializers.IntegerField(min_value=1, max_value=MOST)
    points = PointsField(required=False, default=dict)
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class ResubmitSerializer(serializers.Serializer[Any]):
    points = PointsField(required=False, default=dict)
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class ReviewSerializer(serializers.Serializer[Any]):
    opinion = serializers.CharField(max_length=500)
    points = PointsField(required=False, default=dict)
    rank = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=9999)


class RecheckSerializer(serializers.Serializer[Any]):
    points = PointsField(required=False, default=dict)
    reasons = serializers.DictField(child=serializers.CharField(max_length=500), required=False, default=dict)
    opinion = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


class FlagReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, allow_blank=True)


class FlagDecisionSerializer(serializers.Serializer[Any]):
    is_granted = serializers.BooleanField()
    met_on = serializers.DateField()
    minute_number = serializers.CharField(max_length=60)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


class NoticeSerializer(serializers.Serializer[Any]):
    from_on = serializers.DateField()


class FlagApplicationFilter(django_filters.FilterSet):
    round = django_filters.NumberFilter(field_name="round_id")
    code = django_filters.CharFilter(field_name="code")
    state = django_filters.ChoiceFilter(choices=FlagApplication.State.choices)


class FlagApplicationViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Applications for flags. Each step needs the ETag of what was read."""

    model = FlagApplication
    filterset_class = FlagApplicationFilter
    verbs: ClassVar[dict[str, str]] = {
        "create": "add",
        "resubmit": "change",
        "withdraw": "change",
        "review": "review",
        "recheck": "recheck",
        "send_back": "recheck",
        "decide": "decide",
        "announce": "decide",
    }

    def dressed(self, rows: QuerySet[FlagApplication]) -> QuerySet[FlagApplication]:
        rows = rows.select_related("village", "category__round", "round")
        return rows.defer("lines", "text") if self.action == "list" else rows

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return FlagApplicationSerializer if self.action == "list" else FlagApplicationDetailSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        return Response(FlagApplicationDetailSerializer(row).data, headers={"ETag": etag(row.version)})

    @extend_schema(request=NewApplicationSerializer, responses={201: FlagApplicationDetailSerializer})
    def create(self, request: Request) -> Response:
        """Apply for a flag for a village of yours; what the system computes is filled in."""
        body = NewApplicationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        category = get_object_or_404(rows_for(request.user, FlagCategory).select_related("round"), pk=data["category"])
        own = rows_with(request.user, Unit.objects.villages(), "assessments.add_flagapplication")
        village = get_object_or_404(own, pk=data["village"])
        wish = Wish(village, category.pk, data["points"], data["text"])
        (row,) = flag_path.apply_for_flags(category.round, [wish], by=request.user, now=timezone.now())
        return self._answer(row, status.HTTP_201_CREATED)

    @extend_schema(parameters=[IF_MATCH], request=ResubmitSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def resubmit(self, request: Request, pk: str) -> Response:
        """Hand a returned application in again."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_path.resubmit(row.pk, data["points"], data["text"], by=request.user, now=timezone.now())

        return self._step(request, ResubmitSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=FlagReasonSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take an application back that nobody has reviewed, or that was returned."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_path.withdraw(row.pk, data["reason"], by=request.user, now=timezone.now())

        return self._step(request, FlagReasonSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=ReviewSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        """The township's first review, by who did not apply."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_path.review_applications([Review(row.pk, **data)], by=request.user, now=timezone.now())

        return self._step(request, ReviewSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=RecheckSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def recheck(self, request: Request, pk: str) -> Response:
        """The recheck of who leads the flag; every change needs its reason."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_path.recheck_applications([Recheck(row.pk, **data)], by=request.user, now=timezone.now())

        return self._step(request, RecheckSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=FlagReasonSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def send_back(self, request: Request, pk: str) -> Response:
        """Return an application to the township, with the reason."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_path.return_application(row.pk, data["reason"], by=request.user, now=timezone.now())

        return self._step(request, FlagReasonSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=FlagDecisionSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """What the county's meeting decided; beyond the quota the reason says why it is passed."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_decisions.decide_applications(
                row.category,
                [Decision(row.pk, data["is_granted"], data["reason"])],
                met_on=data["met_on"],
                minute_number=data["minute_number"],
                by=request.user,
                now=timezone.now(),
            )

        return self._step(request, FlagDecisionSerializer, act)

    @extend_schema(parameters=[IF_MATCH], request=NoticeSerializer, responses=FlagApplicationDetailSerializer)
    @action(detail=True, methods=["post"])
    def announce(self, request: Request, pk: str) -> Response:
        """Start the public notice of a granted flag."""

        def act(row: FlagApplication, data: dict[str, Any]) -> None:
            flag_decisions.start_notice(
                row.round, [row.pk], from_on=data["from_on"], by=request.user, now=timezone.now()
            )

        return self._step(request, NoticeSerializer, act)

    @transaction.atomic
    def _step(
        self,
        request: Request,
        form: type[serializers.Serializer[Any]],
        act: Callable[[FlagApplication, dict[str, Any]], None],
    ) -> Response:
        row = self.get_object()
        body = form(data=request.data)
        body.is_valid(raise_exception=True)
        locked = FlagApplication.objects.select_for_update(of=("self",)).only("version").get(pk=row.pk)
        check_version(request, locked.version)
        act(row, body.validated_data)
        return self._answer(row)

    def _answer(self, row: FlagApplication, code: int = status.HTTP_200_OK) -> Response:
        found = FlagApplication.objects.select_related("village").get(pk=row.pk)
        return Response(FlagApplicationDetailSerializer(found).data, code, headers={"ETag": etag(found.version)})


# --- Flags ------------------------------------------------------------------------------------


class FlagAwardSerializer(serializers.ModelSerializer[FlagAward]):
    round = serializers.IntegerField(source="round_id", read_only=True)
    application = serializers.IntegerField(source="application_id", read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    name = serializers.CharField(source="village.name", read_only=True)
    pay_from = MonthField(read_only=True)
    pay_until = MonthField(read_only=True, allow_null=True)
    is_approved = serializers.SerializerMethodField()

    class Meta:
        model = FlagAward
        fields = (
            "id", "round", "application", "code", "village", "name", "number", "notice_to", "awarded_on", "valid_to",
            "pay_from", "pay_until", "is_approved", "approved_at", "revoked_on", "expired_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(bool)
    def get_is_approved(self, award: FlagAward) -> bool:
        return award.approved_by_id is not None


class FlagAwardFilter(django_filters.FilterSet):
    round = django_filters.NumberFilter(field_name="round_id")
    code = django_filters.CharFilter(field_name="code")


class FlagAwardViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Flags: prepared ones count once they are approved."""

    model = FlagAward
    serializer_class = FlagAwardSerializer
    filterset_class = FlagAwardFilter

    def dressed(self, rows: QuerySet[FlagAward]) -> QuerySet[FlagAward]:
        return rows.select_related("village")


class FlagRevocationSerializer(serializers.ModelSerializer[FlagRevocation]):
    village = serializers.IntegerField(source="village_id", read_only=True)
    name = serializers.CharField(source="village.name", read_only=True)
    awards: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta:
        model = FlagRevocation
        fields = (
            "id", "village", "name", "awards", "reason", "happened_on", "document", "note", "is_approved",
            "decided_at", "decision_note", "blocks_until", "blocks_open", "lifted_on",
        )  # fmt: skip
        read_only_fields = fields


class FlagRevocationViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Why flags were taken away, and for how long a village may not apply."""

    model = FlagRevocation
    serializer_class = FlagRevocationSerializer
    filterset_class = None

    def dressed(self, rows: QuerySet[FlagRevocation]) -> QuerySet[FlagRevocation]:
        return rows.select_related("village").prefetch_related("awards")

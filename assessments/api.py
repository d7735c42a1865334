"""Endpoints of the month: the same services, scopes and checks as the pages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from assessments.cells import State, Value
from assessments.explaining import Line, receipt_of
from assessments.models import Appeal, Period, Ranking, Result, Return, VillageMonth
from assessments.rules import value_text
from assessments.services.appeals import decide_appeal, open_appeal
from assessments.services.returns import CellEdit, SaveOutcome, save_cells, submit_return, withdraw_return
from branches.rest import ScopedViewSet, check_version, etag

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you read.")


class MonthField(serializers.Field):
    """A month as 2026-10."""

    def to_representation(self, value: Any) -> str:
        return f"{value:%Y-%m}"


extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}$", "example": "2026-10"})(MonthField)


def points_field(source: str) -> serializers.DecimalField:
    """Points with two decimals, from whole hundredths."""
    return HundredthsField(source=source, max_digits=7, decimal_places=2, read_only=True, allow_null=True)


class HundredthsField(serializers.DecimalField):
    def to_representation(self, value: Any) -> str:
        return f"{Decimal(value).scaleb(-2):.2f}"


# --- Months -----------------------------------------------------------------------------------


class PeriodSerializer(serializers.ModelSerializer[Period]):
    month = MonthField(read_only=True)
    county = serializers.CharField(source="unit.code", read_only=True, allow_null=True)
    scheme = serializers.CharField(source="scheme.number", read_only=True)

    class Meta:
        model = Period
        fields = (
            "id",
            "month",
            "county",
            "scheme",
            "state",
            "opens_at",
            "submit_by",
            "review_by",
            "lock_at",
            "publish_by",
        )
        read_only_fields = fields


class PeriodFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Period.State.choices)


class PeriodViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Months of the county, the latest first."""

    model = Period
    serializer_class = PeriodSerializer
    filterset_class = PeriodFilter

    def dressed(self, rows: QuerySet[Period]) -> QuerySet[Period]:
        return rows.select_related("unit", "scheme")


# --- Returns ----------------------------------------------------------------------------------


class CellSerializer(serializers.Serializer[Any]):
    """A cell: its state, its value as decimal text (null without one), and the reason of an exemption."""

    state = serializers.ChoiceField(choices=[state.value for state in State])
    value = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class VillageMonthSerializer(serializers.ModelSerializer[VillageMonth]):
    village = serializers.IntegerField(source="village_id", read_only=True)
    code = serializers.CharField(source="village.code", read_only=True, allow_null=True)
    name = serializers.CharField(source="village.name", read_only=True)
    values = serializers.SerializerMethodField(
        help_text="Cell code -> cell; a cell that is not there is not given yet."
    )
    notes = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = VillageMonth
        fields = ("village", "code", "name", "version", "values", "notes")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(child=CellSerializer()))
    def get_values(self, row: VillageMonth) -> dict[str, dict[str, str | None]]:
        return {code: _cell(Value.from_stored(stored)) for code, stored in sorted(row.values.items())}


def _cell(value: Value) -> dict[str, str | None]:
    text = None if value.scaled is None else value_text(value.scaled)
    return {"state": value.state, "value": text, "reason": value.reason}


class ReturnSerializer(serializers.ModelSerializer[Return]):
    month = MonthField(source="period.month", read_only=True)
    period = serializers.IntegerField(source="period_id", read_only=True)
    township = serializers.CharField(source="unit.code", read_only=True, allow_null=True)
    name = serializers.CharField(source="unit.name", read_only=True)

    class Meta:
        model = Return
        fields = (
            "id",
            "period",
            "month",
            "township",
            "name",
            "state",
            "submitted_at",
            "submission_count",
            "late_days",
            "return_reason",
        )
        read_only_fields = fields


class ReturnDetailSerializer(ReturnSerializer):
    villages = VillageMonthSerializer(source="village_months", many=True, read_only=True)

    class Meta(ReturnSerializer.Meta):
        fields: Any = (*ReturnSerializer.Meta.fields, "villages")
        read_only_fields: Any = fields


class NewCellSerializer(serializers.Serializer[Any]):
    """What is to stand in a cell. `value` is text as typed; empty with state "given" empties the cell."""

    value = serializers.CharField(allow_null=True, allow_blank=True, required=False, default=None, max_length=40)
    state = serializers.ChoiceField(choices=["given", "not_applicable", "exempt"], default="given")
    reason = serializers.CharField(allow_blank=True, required=False, default="", max_length=500)
    note = serializers.CharField(allow_null=True, allow_blank=True, required=False, default=None, max_length=500)


class NewCellsSerializer(serializers.Serializer[Any]):
    cells = serializers.DictField(child=NewCellSerializer(), allow_empty=False, help_text="Cell code -> cell.")


class ReturnFilter(django_filters.FilterSet):
    period = django_filters.NumberFilter(field_name="period_id")
    state = django_filters.ChoiceFilter(choices=Return.State.choices)


class ReturnViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """What townships hand in each month."""

    model = Return
    filterset_class = ReturnFilter
    verbs: ClassVar[dict[str, str]] = {"village": "view", "submit": "submit", "withdraw": "submit"}

    def dressed(self, rows: QuerySet[Return]) -> QuerySet[Return]:
        rows = rows.select_related("unit", "period")
        return rows.prefetch_related("village_months__village") if self.action != "list" else rows

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ReturnSerializer if self.action == "list" else ReturnDetailSerializer

    @extend_schema(
        methods=["PATCH"],
        parameters=[IF_MATCH],
        request=NewCellsSerializer,
        responses=VillageMonthSerializer,
    )
    @extend_schema(methods=["GET"], request=None, responses=VillageMonthSerializer)
    @action(detail=True, methods=["get", "patch"], url_path=r"villages/(?P<village_id>\d{1,18})")
    def village(self, request: Request, pk: str, village_id: str) -> Response:
        """One village's values. PATCH writes cells, all or none, and needs the ETag that GET gave."""
        submission = self.get_object()
        rows = VillageMonth.objects.for_user(request.user).filter(submission=submission).select_related("village")
        row = get_object_or_404(rows, village_id=int(village_id))
        if request.method == "PATCH":
            row = self._write(request, submission, row)
        return Response(VillageMonthSerializer(row).data, headers={"ETag": etag(row.version)})

    @transaction.atomic
    def _write(self, request: Request, submission: Return, row: VillageMonth) -> VillageMonth:
        body = NewCellsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = VillageMonth.objects.select_for_update(of=("self",)).select_related("village").get(pk=row.pk)
        check_version(request, row.version)
        edits = [
            CellEdit(row.village_id, code, row.values.get(code), **cell)
            for code, cell in body.validated_data["cells"].items()
        ]
        outcome = save_cells(submission, edits, by=request.user, now=timezone.now())
        _refuse(outcome)
        row.refresh_from_db()
        return row

    @extend_schema(request=None, responses=ReturnDetailSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, pk: str) -> Response:
        """Hand the month in for review; doing it twice does it once."""
        submit_return(self.get_object(), by=request.user, now=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=ReturnDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take a return back that no reviewer has opened yet."""
        withdraw_return(self.get_object(), by=request.user, now=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)


def _refuse(outcome: SaveOutcome) -> None:
    """All or none: a refused cell undoes the whole request, with every problem named at its cell."""
    if outcome.problems:
        raise ValidationError(
            {problem.code: ValidationError(problem.message, problem.problem) for problem in outcome.problems}
        )
    if outcome.conflicts:
        raise ValidationError(
            {
                one.code: ValidationError(_("Somebody changed this cell meanwhile."), "conflict")
                for one in outcome.conflicts
            }
        )


# --- Rankings ---------------------------------------------------------------------------------


class RankingSerializer(serializers.ModelSerializer[Ranking]):
    month = MonthField(source="period.month", read_only=True)
    period = serializers.IntegerField(source="period_id", read_only=True)
    county = serializers.CharField(source="period.unit.code", read_only=True, allow_null=True)

    class Meta:
        model = Ranking
        fields = (
            "id", "period", "month", "county", "revision", "state", "reason", "village_count", "ranked_count",
            "checksum", "computed_at", "published_at", "appeal_until",
        )  # fmt: skip
        read_only_fields = fields


class ResultSerializer(serializers.ModelSerializer[Result]):
    village = serializers.IntegerField(source="village_id", read_only=True)
    code = serializers.CharField(source="village.code", read_only=True, allow_null=True)
    name = serializers.CharField(source="village.name", read_only=True)
    total = points_field("total_hundredths")
    lowest = points_field("low_hundredths")
    highest = points_field("high_hundredths")

    class Meta:
        model = Result
        fields = (
            "id", "village", "code", "name", "village_class", "band", "total", "lowest", "highest", "county_rank",
            "township_rank", "class_rank", "band_rank", "rank_best", "rank_worst", "grade", "veto", "previous_rank",
            "moved", "moved_correction", "moved_rules", "moved_own", "moved_others",
        )  # fmt: skip
        read_only_fields = fields


class RankingFilter(django_filters.FilterSet):
    period = django_filters.NumberFilter(field_name="period_id")
    state = django_filters.ChoiceFilter(choices=Ranking.State.choices)


class RankingViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Published rankings of the county, drafts for those who may see them."""

    model = Ranking
    serializer_class = RankingSerializer
    filterset_class = RankingFilter

    def dressed(self, rows: QuerySet[Ranking]) -> QuerySet[Ranking]:
        return rows.select_related("period__unit")

    @extend_schema(responses=ResultSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], filterset_class=None)
    def results(self, request: Request, pk: str) -> Response:
        """All villages of the ranking in the order of the county, not ranked ones last."""
        rows = Result.objects.for_user(request.user, "list").filter(ranking=self.get_object())
        page = self.paginate_queryset(rows.select_related("village"))
        return self.get_paginated_response(ResultSerializer(page, many=True).data)


# --- Receipts ---------------------------------------------------------------------------------


class LineSerializer(serializers.Serializer[Line]):
    """One printed line; the points of all lines sum to the total."""

    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    value = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a column of that name
    source_url = serializers.CharField()
    rule = serializers.CharField()
    full = serializers.DecimalField(max_digits=7, decimal_places=2, allow_null=True)
    points = serializers.DecimalField(max_digits=7, decimal_places=2)


class ReceiptSerializer(ResultSerializer):
    month = MonthField(source="ranking.period.month", read_only=True)
    revision = serializers.IntegerField(source="ranking.revision", read_only=True)
    lines = serializers.SerializerMethodField()

    class Meta(ResultSerializer.Meta):
        fields: Any = (*ResultSerializer.Meta.fields, "month", "revision", "lines")
        read_only_fields: Any = fields

    @extend_schema_field(LineSerializer(many=True))
    def get_lines(self, result: Result) -> Any:
        receipt = receipt_of(result, self.context["request"].user, timezone.now())
        return LineSerializer(instance=[*receipt.indicators, *receipt.extra], many=True).data  # type: ignore[arg-type]


class ReceiptViewSet(RetrieveModelMixin, ScopedViewSet):
    """The receipt of a village in your area: every value, rule and point behind its total."""

    model = Result
    serializer_class = ReceiptSerializer

    def dressed(self, rows: QuerySet[Result]) -> QuerySet[Result]:
        shown = Ranking.objects.for_user(self.request.user)
        return rows.filter(ranking__in=shown).select_related(
            "ranking__period__scheme", "ranking__period__unit", "village"
        )


# --- Objections -------------------------------------------------------------------------------


class AppealSerializer(serializers.ModelSerializer[Appeal]):
    month = MonthField(source="period.month", read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    name = serializers.CharField(source="village.name", read_only=True)
    receipt = serializers.IntegerField(source="result_id", read_only=True)

    class Meta:
        model = Appeal
        fields = (
            "id", "month", "village", "name", "receipt", "line_code", "claim", "claimed_values", "state", "opened_at",
            "answer_by", "decided_at", "decision", "corrected_values", "revision",
        )  # fmt: skip
        read_only_fields = fields


class CorrectionsField(serializers.DictField):
    """Cell code -> value as decimal text."""

    child = serializers.DecimalField(max_digits=14, decimal_places=4)

    def to_internal_value(self, data: Any) -> dict[str, int]:
        found: Mapping[str, Decimal] = super().to_internal_value(data)
        return {code: int(value.scaleb(4)) for code, value in found.items()}


class NewAppealSerializer(serializers.Serializer[Any]):
    receipt = serializers.IntegerField(min_value=1, max_value=2**62)
    line_code = serializers.CharField(max_length=6)
    claim = serializers.CharField(max_length=2000)
    claimed_values = CorrectionsField(required=False, default=dict)


class DecisionSerializer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=["upheld", "corrected", "rejected"])
    decision = serializers.CharField(max_length=2000)
    corrected_values = CorrectionsField(required=False, default=dict)


class AppealFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Appeal.State.choices)


class AppealViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Objections to receipt lines: opened by the township, decided by somebody who did not score the line."""

    model = Appeal
    serializer_class = AppealSerializer
    filterset_class = AppealFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add", "decide": "decide"}

    def dressed(self, rows: QuerySet[Appeal]) -> QuerySet[Appeal]:
        return rows.select_related("period", "village")

    @extend_schema(request=NewAppealSerializer, responses={201: AppealSerializer})
    def create(self, request: Request) -> Response:
        """Object to one line within the window after publication; one objection for each village and month."""
        body = NewAppealSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        visible = Result.objects.for_user(request.user).filter(ranking__in=Ranking.objects.for_user(request.user))
        result = get_object_or_404(visible.select_related("ranking__period__scheme"), pk=data.pop("receipt"))
        appeal = open_appeal(result, **data, by=request.user, now=timezone.now())
        return Response(AppealSerializer(appeal).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DecisionSerializer, responses=AppealSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Uphold, correct or reject; a correction computes the next revision as a draft."""
        body = DecisionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        appeal = decide_appeal(self.get_object(), **body.validated_data, by=request.user, now=timezone.now())
        return Response(AppealSerializer(appeal).data)

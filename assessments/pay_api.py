"""Endpoints of pay: sheets and their steps, lines, rates, rules, the cost of the year. The services of the pages."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from assessments import pay_page
from assessments.api import IF_MATCH, MonthField
from assessments.models import PayLine, PayRules, PaySheet, RoleGroup, UpliftRate
from assessments.pay_forecast import forecast
from assessments.pay_workbooks import sheet_number
from assessments.services import pay, pay_settling, pay_terms
from assessments.views.pay import holds_at, may_return, month_asked
from branches.models import Unit
from branches.rest import ScopedViewSet, check_version, etag
from branches.versions import Conflict


class YuanField(serializers.DecimalField):
    """Yuan with two decimals, from whole cents."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=16, decimal_places=2, read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return f"{Decimal(value).scaleb(-2):.2f}"


class MonthInputField(serializers.Field):
    """A month as 2026-10."""

    def to_internal_value(self, data: Any) -> date:
        month = month_asked(data) if isinstance(data, str) else None
        if month is None:
            raise serializers.ValidationError(_("Write the month as 2026-10."), "invalid")
        return month


extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}$", "example": "2026-10"})(MonthInputField)


# --- Sheets -----------------------------------------------------------------------------------


class PaySheetSerializer(serializers.ModelSerializer[PaySheet]):
    number = serializers.SerializerMethodField()
    month = MonthField(read_only=True)
    township = serializers.CharField(source="unit.code", read_only=True, allow_null=True)
    name = serializers.CharField(source="unit.name", read_only=True)
    total = YuanField(source="total_cents")

    class Meta:
        model = PaySheet
        fields = (
            "id", "number", "month", "township", "name", "state", "total", "people", "prepared_at", "signed_at",
            "approved_at", "exported_at", "checksum", "settled_at", "returned_reason", "version",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(str)
    def get_number(self, sheet: PaySheet) -> str:
        return sheet_number(sheet)


class NewSheetsSerializer(serializers.Serializer[Any]):
    county = serializers.IntegerField(min_value=1, max_value=2**62)
    month = MonthInputField()


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class ReportSerializer(serializers.Serializer[Any]):
    """What the finance office says of one line."""

    number = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    paid = serializers.BooleanField()
    on = serializers.DateField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ReportsSerializer(serializers.Serializer[Any]):
    total = serializers.DecimalField(
        max_digits=16, decimal_places=2, required=False, allow_null=True, default=None, help_text="Of the lines listed."
    )
    lines = ReportSerializer(many=True, allow_empty=False)


class PaySheetFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=PaySheet.State.choices)
    month = django_filters.CharFilter(method="of_month", label="2026-10")

    def of_month(self, rows: QuerySet[PaySheet], name: str, value: str) -> QuerySet[PaySheet]:
        month = month_asked(value)
        return rows.none() if month is None else rows.filter(month=month)


class PaySheetViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Pay sheets of townships. Steps need the ETag that GET gave."""

    model = PaySheet
    serializer_class = PaySheetSerializer
    filterset_class = PaySheetFilter
    verbs: ClassVar[dict[str, str]] = {
        "create": "prepare",
        "sign": "sign",
        "approve": "approve",
        "export": "export",
        "read_back": "settle",
    }

    def dressed(self, rows: QuerySet[PaySheet]) -> QuerySet[PaySheet]:
        return rows.select_related("unit")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        sheet = self.get_object()
        return Response(self.get_serializer(sheet).data, headers={"ETag": etag(sheet.version)})

    @extend_schema(request=NewSheetsSerializer, responses={201: PaySheetSerializer(many=True)})
    def create(self, request: Request) -> Response:
        """Prepare the sheets of a county's month; drafts are written anew."""
        body = NewSheetsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        county = _county(request, body.validated_data["county"], self.permission())
        sheets = pay.prepare_sheets(county, body.validated_data["month"], by=request.user, now=timezone.now())
        return Response(PaySheetSerializer(sheets, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=PaySheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def sign(self, request: Request, pk: str) -> Response:
        """The township's signature; not by who prepared the sheet."""
        return self._step(
            request, lambda sheet, now: pay.sign_sheet(sheet, version=sheet.version, by=request.user, now=now)
        )

    @extend_schema(request=None, responses=PaySheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """A leader's approval; not by who prepared or signed the sheet."""
        return self._step(
            request, lambda sheet, now: pay.approve_sheets({sheet.pk: sheet.version}, by=request.user, now=now)[0]
        )

    @extend_schema(request=ReasonSerializer, responses=PaySheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"], url_path="return")
    def send_back(self, request: Request, pk: str) -> Response:
        """Back to a draft, with the reason: a draft by its township, a signed sheet by a leader."""
        body = ReasonSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]
        sheet = self.get_object()
        may = {verb: request.user.has_perm(f"assessments.{verb}_paysheet", sheet) for verb in ("sign", "approve")}
        if not may_return(sheet, may):
            raise PermissionDenied(_("A draft is returned by its township, a signed sheet by a leader."))
        return self._step(
            request, lambda sheet, _now: pay.return_sheet(sheet, reason, version=sheet.version, by=request.user)
        )

    @extend_schema(request=None, responses=PaySheetSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def export(self, request: Request, pk: str) -> Response:
        """Hand an approved sheet to the finance office: no line changes from now on."""
        return self._step(
            request,
            lambda sheet, now: pay_settling.export_sheet(sheet, version=sheet.version, by=request.user, now=now),
        )

    @extend_schema(request=ReportsSerializer, responses=PaySheetSerializer)
    @action(detail=True, methods=["post"], url_path="read-back")
    def read_back(self, request: Request, pk: str) -> Response:
        """What the finance office reports of lines: all or none; the same list twice changes nothing."""
        body = ReportsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        total = body.validated_data["total"]
        reports = [
            pay_settling.Report(one["number"], one["paid"], one["on"], _cents(one["amount"]), one["reason"])
            for one in body.validated_data["lines"]
        ]
        sheet = pay_settling.read_back(self.get_object(), reports, _cents(total), by=request.user, now=timezone.now())
        return Response(self.get_serializer(sheet).data, headers={"ETag": etag(sheet.version)})

    @transaction.atomic
    def _step(self, request: Request, act: Any) -> Response:
        sheet = self.get_object()
        check_version(request, sheet.version)
        try:
            sheet = act(sheet, timezone.now())
        except Conflict as error:
            raise _Changed from error
        return Response(self.get_serializer(sheet).data, headers={"ETag": etag(sheet.version)})


class _Changed(serializers.ValidationError):
    """Somebody was faster between reading and locking the row."""

    def __init__(self) -> None:
        super().__init__(_("Somebody changed this meanwhile. Read it again and repeat your change."), "conflict")


def _cents(yuan: Decimal | None) -> int | None:
    return None if yuan is None else int(yuan.scaleb(2))


def _county(request: Request, pk: int, permission: str) -> Unit:
    county = Unit.objects.counties().filter(pk=pk).first()
    if county is None or not holds_at(request.user, permission, county.path):
        raise Http404
    return county


# --- Lines ------------------------------------------------------------------------------------


class PaidFlagSerializer(serializers.Serializer[Any]):
    award = serializers.IntegerField()
    code = serializers.CharField()
    amount = YuanField(source="cents")


class PayLineSerializer(serializers.ModelSerializer[PayLine]):
    sheet = serializers.IntegerField(source="sheet_id", read_only=True)
    month = MonthField(source="sheet.month", read_only=True)
    for_month = MonthField(read_only=True)
    village = serializers.IntegerField(source="village_id", read_only=True)
    village_name = serializers.CharField(source="village.name", read_only=True)
    person = serializers.IntegerField(source="person_id", read_only=True)
    name = serializers.CharField(source="person.name", read_only=True)
    posting = serializers.IntegerField(source="posting_id", read_only=True, allow_null=True)
    flags = PaidFlagSerializer(many=True, read_only=True)
    uplift = YuanField(source="uplift_cents")
    performance = YuanField(source="performance_cents")
    amount = YuanField(source="amount_cents")

    class Meta:
        model = PayLine
        fields = (
            "id", "sheet", "number", "month", "for_month", "village", "village_name", "person", "name", "posting",
            "role_group", "flags", "uplift", "performance", "amount", "note", "payment", "paid_on", "failure",
        )  # fmt: skip
        read_only_fields = fields


class PayLineFilter(django_filters.FilterSet):
    sheet = django_filters.NumberFilter(field_name="sheet_id")
    person = django_filters.NumberFilter(field_name="person_id")
    payment = django_filters.ChoiceFilter(choices=PayLine.Payment.choices)


class PayLineViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Lines of pay sheets; all lines of a person, village and month together are what is paid for it."""

    model = PayLine
    serializer_class = PayLineSerializer
    filterset_class = PayLineFilter

    def dressed(self, rows: QuerySet[PayLine]) -> QuerySet[PayLine]:
        return rows.select_related("sheet", "village", "person").order_by("-sheet__month", "sheet__path", "number")


# --- Rates and rules --------------------------------------------------------------------------


class UpliftRateSerializer(serializers.ModelSerializer[UpliftRate]):
    valid_from = MonthField(read_only=True)
    is_approved = serializers.SerializerMethodField()

    class Meta:
        model = UpliftRate
        fields = ("id", "kind", "role_group", "code", "amount", "valid_from", "document", "is_approved", "approved_at")
        read_only_fields = fields

    def get_is_approved(self, rate: UpliftRate) -> bool:
        return rate.approved_by_id is not None


class NewRateSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=UpliftRate.Kind.choices, default=UpliftRate.Kind.MONTHLY)
    role_group = serializers.ChoiceField(choices=RoleGroup.choices)
    code = serializers.CharField(max_length=6, allow_blank=True, required=False, default="")
    amount = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal(0))


class NewRatesSerializer(serializers.Serializer[Any]):
    county = serializers.IntegerField(min_value=1, max_value=2**62)
    valid_from = MonthInputField()
    document = serializers.CharField(max_length=120)
    is_correction = serializers.BooleanField(
        default=False, help_text="It begins in a month that the finance office has, on purpose."
    )
    rates = NewRateSerializer(many=True, allow_empty=False)


class UpliftRateViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Rates with the month they begin; never overwritten."""

    model = UpliftRate
    serializer_class = UpliftRateSerializer
    verbs: ClassVar[dict[str, str]] = {"create": "add", "approve": "approve"}

    @extend_schema(request=NewRatesSerializer, responses={201: UpliftRateSerializer(many=True)})
    def create(self, request: Request) -> Response:
        """Enter rates; they count for nothing until somebody else approves them."""
        body = NewRatesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        county = _county(request, data.pop("county"), self.permission())
        rates = [pay_terms.NewRate(**rate) for rate in data.pop("rates")]
        made = pay_terms.enter_rates(county, rates, by=request.user, **data)
        return Response(UpliftRateSerializer(made, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=UpliftRateSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Not by who entered it."""
        (rate,) = pay_terms.approve_rates([self.get_object().pk], by=request.user, now=timezone.now())
        return Response(UpliftRateSerializer(rate).data)


class PayRulesSerializer(serializers.ModelSerializer[PayRules]):
    valid_from = MonthField(read_only=True)
    other_posts = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    grade_shares = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = PayRules
        fields = (
            "id", "valid_from", "document", "deciding_day", "starts", "stops", "other_posts", "within_approved_posts",
            "grade_shares", "performance_month", "budget", "approved_at",
        )  # fmt: skip
        read_only_fields = fields


class PayRulesViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """How a county turns flags and grades into pay, from a month on."""

    model = PayRules
    serializer_class = PayRulesSerializer


# --- The year ---------------------------------------------------------------------------------


class MonthCostSerializer(serializers.Serializer[Any]):
    month = MonthField()
    amount = YuanField(source="cents")
    handed_over = YuanField()
    is_foreseen = serializers.BooleanField(source="is_due")


class ForecastSerializer(serializers.Serializer[Any]):
    year = serializers.IntegerField()
    amount = YuanField(source="cents")
    handed_over = YuanField()
    budget = YuanField(source="budget_cents", allow_null=True)
    months = MonthCostSerializer(many=True)


class PayForecastViewSet(ScopedViewSet):
    """What the year costs: sheets as they stand, then what is due by today's knowledge."""

    model = PaySheet
    serializer_class = ForecastSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        parameters=[OpenApiParameter("county", int, description="Without it the first county that you see.")],
        responses=ForecastSerializer,
    )
    def list(self, request: Request) -> Response:
        """For those who see the pay of a whole county."""
        wanted = request.query_params.get("county", "")
        counties = [
            county
            for county in pay_page.counties_for(request.user, self.permission())
            if not wanted or str(county.pk) == wanted
        ]
        if not counties:
            raise Http404
        if not holds_at(request.user, self.permission(), counties[0].path):
            raise PermissionDenied(_("The cost of the whole county is open to the county office and its inspectors."))
        return Response(ForecastSerializer(forecast(counties[0].path, timezone.localdate())).data)

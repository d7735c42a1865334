"""Endpoints of the collective economy: programmes, projects, payments, contracts, ledgers, assets, findings.

The scope, services and sentences of the pages. Amounts are yuan with two decimals, as text.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from branches.models import Unit
from branches.rest import ScopedViewSet, UnderFilter, VillageFields, check_version, etag
from branches.scoping import rows_for, rows_with
from collective_economy.models import (
    Asset,
    AuditFinding,
    BudgetLine,
    BusinessModel,
    Contract,
    Instalment,
    LedgerEntry,
    LedgerMonth,
    Milestone,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectShare,
    ProjectSource,
    Receivable,
    Stage,
)
from collective_economy.models.ledger import CATEGORIES
from collective_economy.models.programmes import SUPPORT
from collective_economy.services import contracts, ledger, payments, programmes, projects
from collective_economy.uses import RED_LINES

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you read.")
MOST = 2**62
"""No key is above it."""


class YuanField(serializers.DecimalField):
    """Yuan with two decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=16, decimal_places=2, **kwargs)


class KeyField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MOST, **kwargs)


class PlaceFilter(UnderFilter):
    """Rows that keep the path of their unit themselves."""

    place = "path"


class MonthsFilter(PlaceFilter):
    """Rows of a village and a month."""

    village = django_filters.NumberFilter(field_name="unit_id")
    from_month = django_filters.DateFilter(field_name="month", lookup_expr="gte", label="First day of a month")
    to_month = django_filters.DateFilter(field_name="month", lookup_expr="lte", label="First day of a month")


class EconomyViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Rows to read, and steps that answer with the row as it stands then."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_object())

    def answer(self, row: Model, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.dressed(self.model._default_manager.filter(pk=row.pk)).get()
        version = getattr(fresh, "version", None)
        headers = {} if version is None else {"ETag": etag(version)}
        return Response(self.get_serializer(fresh).data, status=code, headers=headers)

    @transaction.atomic
    def step(self, request: Request, act: Callable[[Any], Model], *, is_versioned: bool = True) -> Response:
        row = self.get_object()
        if is_versioned:
            check_version(request, row.version)
        return self.answer(act(row))

    def place(self, request: Request, pk: int) -> Unit:
        """The unit named in the body, where the user has the right of this action."""
        unit = rows_with(request.user, Unit.objects.filter(pk=pk), self.permission()).first()
        if unit is None:
            raise Http404
        return unit


def checked(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return body.validated_data


def chosen(request: Request, model: type[Model], pk: int | None) -> Any:
    """The row of that key in the user's sight; None for none. A key of somebody else's row is no row."""
    if pk is None:
        return None
    row = rows_for(request.user, model).filter(pk=pk).first()
    if row is None:
        words = _("There is no such %(what)s in your area.") % {"what": model._meta.verbose_name}
        raise serializers.ValidationError({str(model._meta.model_name): [words]}, "not_in_area")
    return row


# --- Programmes -------------------------------------------------------------------------------


class ProgrammeSourceSerializer(serializers.ModelSerializer[ProgrammeSource]):
    class Meta:
        model = ProgrammeSource
        fields = ("source", "amount", "allocated")
        read_only_fields = fields


class ProgrammeSerializer(serializers.ModelSerializer[Programme]):
    county = serializers.IntegerField(source="unit_id", read_only=True)
    is_confirmed = serializers.SerializerMethodField()
    sources = ProgrammeSourceSerializer(many=True, read_only=True)

    class Meta:
        model = Programme
        fields = (
            "id", "county", "name", "year", "document", "subject", "released_on", "is_confirmed", "confirmed_at",
            "closed_on", "sources", "version",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_confirmed(self, programme: Programme) -> bool:
        return programme.confirmed_by_id is not None


class NewProgrammeSerializer(serializers.Serializer[Any]):
    county = KeyField()
    name = serializers.CharField(max_length=120)
    year = serializers.IntegerField(min_value=2000, max_value=2100)
    document = serializers.CharField(max_length=120)
    released_on = serializers.DateField()
    central = YuanField(required=False, default=Decimal(0), min_value=Decimal(0))
    province = YuanField(required=False, default=Decimal(0), min_value=Decimal(0))
    city = YuanField(required=False, default=Decimal(0), min_value=Decimal(0))
    county_money = YuanField(
        required=False, default=Decimal(0), min_value=Decimal(0), help_text="Of the county itself."
    )


class ProgrammeFilter(PlaceFilter):
    year = django_filters.NumberFilter()


class ProgrammeViewSet(EconomyViewSet):
    """Support money of a year; handed out once a second person has confirmed it."""

    model = Programme
    serializer_class = ProgrammeSerializer
    filterset_class = ProgrammeFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add", "confirm": "confirm"}

    def dressed(self, rows: QuerySet[Programme]) -> QuerySet[Programme]:
        return rows.prefetch_related("sources")

    @extend_schema(request=NewProgrammeSerializer, responses={201: ProgrammeSerializer})
    def create(self, request: Request) -> Response:
        """Enter a programme with its money by source."""
        data = checked(NewProgrammeSerializer, request)
        county = self.place(request, data.pop("county"))
        amounts = {source.value: data.pop(source.value) for source in SUPPORT if source != "county"}
        amounts["county"] = data.pop("county_money")
        programme = programmes.add_programme(unit=county, amounts=amounts, by=request.user, **data)
        return self.answer(programme, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ProgrammeSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Not by who entered it."""
        now = timezone.now()
        return self.step(request, lambda row: programmes.confirm_programme(row, by=request.user, now=now))


# --- Projects ---------------------------------------------------------------------------------


class ShareSerializer(serializers.ModelSerializer[ProjectShare]):
    village = serializers.IntegerField(source="unit_id", read_only=True)
    village_name = serializers.CharField(source="unit.short_name", read_only=True)

    class Meta:
        model = ProjectShare
        fields = ("village", "village_name", "percent")
        read_only_fields = fields


class ProjectSourceSerializer(serializers.ModelSerializer[ProjectSource]):
    balance = YuanField(read_only=True)

    class Meta:
        model = ProjectSource
        fields = ("id", "source", "requested", "approved", "received", "paid", "recalled", "balance", "due_on")
        read_only_fields = fields


class BudgetLineSerializer(serializers.ModelSerializer[BudgetLine]):
    class Meta:
        model = BudgetLine
        fields = ("id", "item", "amount")
        read_only_fields = fields


class InstalmentSerializer(serializers.ModelSerializer[Instalment]):
    class Meta:
        model = Instalment
        fields = ("id", "condition", "percent", "amount", "due_on")
        read_only_fields = fields


class MilestoneSerializer(serializers.ModelSerializer[Milestone]):
    class Meta:
        model = Milestone
        fields = ("id", "name", "due_on", "done_on", "note")
        read_only_fields = fields


class ProjectSerializer(serializers.ModelSerializer[Project]):
    place = serializers.IntegerField(source="unit_id", read_only=True)
    place_name = serializers.CharField(source="unit.name", read_only=True)
    shares = ShareSerializer(many=True, read_only=True)
    sources = ProjectSourceSerializer(many=True, read_only=True)
    budget = BudgetLineSerializer(many=True, read_only=True)
    instalments = InstalmentSerializer(many=True, read_only=True)
    milestones = MilestoneSerializer(many=True, read_only=True)

    class Meta:
        model = Project
        fields = (
            "id", "number", "name", "year", "programme", "place", "place_name", "business_model", "line", "location",
            "lead_unit", "partner", "partner_number", "start_on", "finish_on", "expected_income", "household_count",
            "job_count", "benefit_sharing", "collective_percent", "risk", "stage", "stage_since", "pooled_on",
            "signed_on", "approval_document", "plan_code", "approved_on", "procurement", "started_on",
            "progress_percent", "accepted_on", "actual_cost", "evaluated_on", "actual_income", "satisfaction_percent",
            "audited_on", "shares", "sources", "budget", "instalments", "milestones", "version",
        )  # fmt: skip
        read_only_fields = fields


class NewShareSerializer(serializers.Serializer[Any]):
    village = KeyField()
    percent = serializers.DecimalField(max_digits=7, decimal_places=4, min_value=Decimal(0), max_value=Decimal(100))


class NewProjectSerializer(serializers.Serializer[Any]):
    number = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=120)
    year = serializers.IntegerField(min_value=2000, max_value=2100)
    programme = KeyField(required=False, allow_null=True, default=None)
    business_model = serializers.ChoiceField(choices=BusinessModel.choices)
    shares = NewShareSerializer(many=True, allow_empty=False, help_text="Villages with percents that sum to 100.")


class AdvanceSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ProjectFilter(PlaceFilter):
    stage = django_filters.ChoiceFilter(choices=Stage.choices)
    programme = django_filters.NumberFilter(field_name="programme_id")
    village = django_filters.NumberFilter(method="of_village", label="Key of a village that takes part")

    def of_village(self, rows: QuerySet[Project], name: str, value: Any) -> QuerySet[Project]:
        return rows.filter(pk__in=ProjectShare.objects.filter(unit_id=int(value)).values("project_id"))


class ProjectViewSet(EconomyViewSet):
    """Projects with their villages and money. Steps need the ETag that GET gave."""

    model = Project
    serializer_class = ProjectSerializer
    filterset_class = ProjectFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add", "advance": "change", "sign": "sign"}

    def dressed(self, rows: QuerySet[Project]) -> QuerySet[Project]:
        parts = ("shares__unit", "sources", "budget", "instalments", "milestones")
        return rows.select_related("unit").prefetch_related(*parts)

    @extend_schema(request=NewProjectSerializer, responses={201: ProjectSerializer})
    def create(self, request: Request) -> Response:
        """Put a project into the pool."""
        data = checked(NewProjectSerializer, request)
        data["programme"] = chosen(request, Programme, data["programme"])
        given = data.pop("shares")
        keys = {share["village"] for share in given}
        mine = rows_with(request.user, Unit.objects.villages().filter(pk__in=keys), self.permission()).in_bulk()
        if mine.keys() != keys:
            raise serializers.ValidationError({"shares": [_("A village lies outside your area.")]}, "not_in_area")
        if len(keys) != len(given):
            raise serializers.ValidationError({"shares": [_("A village stands twice.")]}, "twice")
        project = projects.propose_project(
            fields=data,
            shares={mine[share["village"]]: share["percent"] for share in given},
            by=request.user,
            today=timezone.localdate(),
            now=timezone.now(),
        )
        return self.answer(project, status.HTTP_201_CREATED)

    @extend_schema(request=AdvanceSerializer, responses=ProjectSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def advance(self, request: Request, pk: str) -> Response:
        """To the next stage; the answer to a closed gate names everything that is missing."""
        note = checked(AdvanceSerializer, request)["note"]
        today, now = timezone.localdate(), timezone.now()
        return self.step(request, lambda row: projects.move_on(row, by=request.user, today=today, now=now, note=note))

    @extend_schema(request=None, responses=ProjectSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def sign(self, request: Request, pk: str) -> Response:
        """The township's signature under the application."""
        today = timezone.localdate()
        return self.step(request, lambda row: projects.sign_project(row, by=request.user, today=today))


# --- Payments ---------------------------------------------------------------------------------


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    source_name = serializers.CharField(source="source.source", read_only=True)

    class Meta:
        model = Payment
        fields = (
            "id", "project", "source", "source_name", "kind", "amount", "paid_on", "summary", "use", "payee",
            "voucher_number", "instalment", "budget_line", "reverses", "reason", "state", "entered_at", "decided_at",
            "decision_note", "version",
        )  # fmt: skip
        read_only_fields = fields


class NewPaymentSerializer(serializers.Serializer[Any]):
    project = KeyField()
    source = KeyField(help_text="Key of the project's source.")  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=Payment.Kind.choices)
    amount = YuanField(min_value=Decimal(0))
    paid_on = serializers.DateField()
    summary = serializers.CharField(max_length=120)
    voucher_number = serializers.CharField(max_length=40)
    use = serializers.ChoiceField(
        choices=[*Payment.Use.choices, *RED_LINES.items()],
        required=False,
        allow_blank=True,
        default="",
        help_text="Of a payment. Uses beyond the red line are known and refused.",
    )
    payee = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    instalment = KeyField(required=False, allow_null=True, default=None)
    budget_line = KeyField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=200)


class ReversalSerializer(serializers.Serializer[Any]):
    paid_on = serializers.DateField()
    voucher_number = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=200)


class PaymentFilter(PlaceFilter):
    project = django_filters.NumberFilter(field_name="project_id")
    kind = django_filters.ChoiceFilter(choices=Payment.Kind.choices)
    state = django_filters.ChoiceFilter(choices=Payment.State.choices)


class PaymentViewSet(EconomyViewSet):
    """Movements of projects' money. They count once somebody else has confirmed them."""

    model = Payment
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    verbs: ClassVar[dict[str, str]] = {
        "create": "add",
        "confirm": "confirm",
        "refuse": "confirm",
        "withdraw": "change",
        "reverse": "change",
    }

    def dressed(self, rows: QuerySet[Payment]) -> QuerySet[Payment]:
        return rows.select_related("source")

    @extend_schema(request=NewPaymentSerializer, responses={201: PaymentSerializer})
    def create(self, request: Request) -> Response:
        """Enter a movement; it waits for confirmation."""
        data = checked(NewPaymentSerializer, request)
        project = chosen(request, Project, data.pop("project"))
        if not rows_with(request.user, Project.objects.filter(pk=project.pk), self.permission()).exists():
            raise Http404
        for name, rows in (
            ("source", project.sources),
            ("instalment", project.instalments),
            ("budget_line", project.budget),
        ):
            if data[name] is not None:
                data[name] = rows.filter(pk=data[name]).first()
                if data[name] is None:
                    raise serializers.ValidationError({name: [_("This is not of the project.")]}, "other_project")
        payment = payments.enter_payment(by=request.user, today=timezone.localdate(), now=timezone.now(), **data)
        return self.answer(payment, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=PaymentSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Not by who entered it."""
        now = timezone.now()
        return self.step(request, lambda row: payments.confirm_payment(row, by=request.user, now=now))

    @extend_schema(request=NoteSerializer, responses=PaymentSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """With its reason; not by who entered it."""
        note, now = checked(NoteSerializer, request)["note"], timezone.now()
        return self.step(request, lambda row: payments.refuse_payment(row, note=note, by=request.user, now=now))

    @extend_schema(request=None, responses=PaymentSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """By who entered it, before it is decided."""
        now = timezone.now()
        return self.step(request, lambda row: payments.withdraw_payment(row, by=request.user, now=now))

    @extend_schema(request=ReversalSerializer, responses={201: PaymentSerializer}, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def reverse(self, request: Request, pk: str) -> Response:
        """Take a confirmed movement back; the reversal waits for confirmation."""
        row = self.get_object()
        check_version(request, row.version)
        data = checked(ReversalSerializer, request)
        reversal = payments.reverse_payment(row, by=request.user, now=timezone.now(), **data)
        return self.answer(reversal, status.HTTP_201_CREATED)


# --- Contracts and what is due ----------------------------------------------------------------


class ReceivableSerializer(VillageFields, serializers.ModelSerializer[Receivable]):
    missing = YuanField(read_only=True)

    class Meta:
        model = Receivable
        fields = (
            "id", "contract", "village", "village_code", "village_name", "due_on", "amount", "received", "missing",
            "waived_on", "waiver",
        )  # fmt: skip
        read_only_fields = fields


class ContractSerializer(VillageFields, serializers.ModelSerializer[Contract]):
    class Meta:
        model = Contract
        fields = (
            "id", "village", "village_code", "village_name", "project", "number", "kind", "party", "party_number",
            "subject", "signed_on", "starts_on", "ends_on", "yearly_amount", "total_amount", "guarantee", "ended_on",
            "end_reason", "version",
        )  # fmt: skip
        read_only_fields = fields


class NewContractSerializer(serializers.Serializer[Any]):
    village = KeyField()
    project = KeyField(required=False, allow_null=True, default=None)
    number = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=Contract.Kind.choices)
    party = serializers.CharField(max_length=120)
    party_number = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    subject = serializers.CharField(max_length=120)
    signed_on = serializers.DateField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    yearly_amount = YuanField(required=False, default=Decimal(0), min_value=Decimal(0))
    total_amount = YuanField(required=False, default=Decimal(0), min_value=Decimal(0))
    guarantee = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    rhythm = serializers.ChoiceField(
        choices=["yearly", "half_yearly", "quarterly", "monthly", "nothing"],
        default="nothing",
        help_text="How often a part of the yearly amount is due.",
    )
    in_advance = serializers.BooleanField(default=True)


class ContractFilter(PlaceFilter):
    village = django_filters.NumberFilter(field_name="unit_id")
    project = django_filters.NumberFilter(field_name="project_id")
    kind = django_filters.ChoiceFilter(choices=Contract.Kind.choices)


class ContractViewSet(EconomyViewSet):
    """Contracts of village collectives; what is due by them is listed as receivables."""

    model = Contract
    serializer_class = ContractSerializer
    filterset_class = ContractFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add"}

    def dressed(self, rows: QuerySet[Contract]) -> QuerySet[Contract]:
        return rows.select_related("unit")

    @extend_schema(request=NewContractSerializer, responses={201: ContractSerializer})
    def create(self, request: Request) -> Response:
        """Enter a contract with what is due by it."""
        data = checked(NewContractSerializer, request)
        unit = self.place(request, data.pop("village"))
        data["project"] = chosen(request, Project, data["project"])
        contract = contracts.add_contract(unit=unit, by=request.user, today=timezone.localdate(), **data)
        return self.answer(contract, status.HTTP_201_CREATED)


class ReceivableFilter(PlaceFilter):
    contract = django_filters.NumberFilter(field_name="contract_id")
    village = django_filters.NumberFilter(field_name="unit_id")
    due_before = django_filters.DateFilter(field_name="due_on", lookup_expr="lte")


class ReceivableViewSet(EconomyViewSet):
    """What is due by contracts, and what of it has come in."""

    model = Receivable
    serializer_class = ReceivableSerializer
    filterset_class = ReceivableFilter

    def dressed(self, rows: QuerySet[Receivable]) -> QuerySet[Receivable]:
        return rows.select_related("unit")


# --- The ledger -------------------------------------------------------------------------------


class LedgerEntrySerializer(VillageFields, serializers.ModelSerializer[LedgerEntry]):
    month: Any = serializers.DateField(format="%Y-%m", read_only=True)

    class Meta:
        model = LedgerEntry
        fields = (
            "id", "village", "village_code", "village_name", "month", "day", "is_total", "category", "amount",
            "summary", "counterparty", "project", "receivable", "voucher_number", "receipt_number", "account",
            "attachment_count", "reverses", "reason", "version",
        )  # fmt: skip
        read_only_fields = fields


class NewEntrySerializer(serializers.Serializer[Any]):
    village = KeyField()
    day = serializers.DateField()
    category = serializers.ChoiceField(choices=LedgerEntry.Category.choices)
    amount = YuanField(min_value=Decimal(0))
    summary = serializers.CharField(max_length=120)
    counterparty = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    voucher_number = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    receipt_number = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    account = serializers.ChoiceField(choices=LedgerEntry.Account.choices, default=LedgerEntry.Account.COLLECTIVE)
    project = KeyField(required=False, allow_null=True, default=None)
    receivable = KeyField(required=False, allow_null=True, default=None)


class EntryReversalSerializer(serializers.Serializer[Any]):
    on = serializers.DateField()
    reason = serializers.CharField(max_length=200)


class LedgerEntryFilter(MonthsFilter):
    project = django_filters.NumberFilter(field_name="project_id")
    category = django_filters.ChoiceFilter(choices=LedgerEntry.Category.choices)


class LedgerEntryViewSet(EconomyViewSet):
    """Entries of the ledgers. Nothing is removed; an entry is taken back by a reversal in an open month."""

    model = LedgerEntry
    serializer_class = LedgerEntrySerializer
    filterset_class = LedgerEntryFilter
    verbs: ClassVar[dict[str, str]] = {"create": "add", "reverse": "change"}

    def dressed(self, rows: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        return rows.select_related("unit")

    @extend_schema(request=NewEntrySerializer, responses={201: LedgerEntrySerializer})
    def create(self, request: Request) -> Response:
        """Enter income or expense of a day."""
        data = checked(NewEntrySerializer, request)
        unit = self.place(request, data.pop("village"))
        data["project"] = chosen(request, Project, data["project"])
        data["receivable"] = chosen(request, Receivable, data["receivable"])
        entry = ledger.enter_entry(unit, ledger.NewEntry(**data), by=request.user, today=timezone.localdate())
        return self.answer(entry, status.HTTP_201_CREATED)

    @extend_schema(request=EntryReversalSerializer, responses={201: LedgerEntrySerializer}, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def reverse(self, request: Request, pk: str) -> Response:
        """Take an entry back with its opposite in an open month."""
        row = self.get_object()
        check_version(request, row.version)
        data = checked(EntryReversalSerializer, request)
        reversal = ledger.reverse_entry(row, by=request.user, today=timezone.localdate(), **data)
        return self.answer(reversal, status.HTTP_201_CREATED)


class LedgerMonthSerializer(VillageFields, serializers.ModelSerializer[LedgerMonth]):
    month: Any = serializers.DateField(format="%Y-%m", read_only=True)
    operating_income = YuanField(read_only=True)
    income = YuanField(read_only=True)
    expense = YuanField(read_only=True)
    is_closed = serializers.BooleanField(read_only=True)

    class Meta:
        model = LedgerMonth
        fields = (
            "id", "village", "village_code", "village_name", "month", *CATEGORIES, "operating_income", "income",
            "expense", "entry_count", "voucher_count", "opening", "statement_balance", "difference_note", "is_closed",
            "closed_at", "version",
        )  # fmt: skip
        read_only_fields = fields


class LedgerMonthFilter(MonthsFilter):
    is_closed = django_filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull", exclude=True)


class LedgerMonthViewSet(EconomyViewSet):
    """Months of villages with their sums by category; a category without an entry is null, not zero."""

    model = LedgerMonth
    serializer_class = LedgerMonthSerializer
    filterset_class = LedgerMonthFilter
    verbs: ClassVar[dict[str, str]] = {"close": "close"}

    def dressed(self, rows: QuerySet[LedgerMonth]) -> QuerySet[LedgerMonth]:
        return rows.select_related("unit")

    @extend_schema(request=None, responses=LedgerMonthSerializer, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Close a month; not by who entered any of it."""
        now = timezone.now()
        return self.step(request, lambda row: ledger.close_month(row.unit, row.month, by=request.user, now=now))


# --- Assets and findings ----------------------------------------------------------------------


class AssetSerializer(VillageFields, serializers.ModelSerializer[Asset]):
    class Meta:
        model = Asset
        fields = (
            "id", "village", "village_code", "village_name", "project", "contract", "number", "name", "kind",
            "quantity", "measure", "value", "location", "owner", "user", "state", "registered_on", "checked_on",
            "version",
        )  # fmt: skip
        read_only_fields = fields


class AssetFilter(PlaceFilter):
    village = django_filters.NumberFilter(field_name="unit_id")
    project = django_filters.NumberFilter(field_name="project_id")
    state = django_filters.ChoiceFilter(choices=Asset.State.choices)


class AssetViewSet(EconomyViewSet):
    """Cards of what the collectives own."""

    model = Asset
    serializer_class = AssetSerializer
    filterset_class = AssetFilter

    def dressed(self, rows: QuerySet[Asset]) -> QuerySet[Asset]:
        return rows.select_related("unit")


class AuditFindingSerializer(VillageFields, serializers.ModelSerializer[AuditFinding]):
    class Meta:
        model = AuditFinding
        fields = (
            "id", "village", "village_code", "village_name", "project", "kind", "found_on", "found_by", "document",
            "amount", "problem", "measure", "due_on", "is_confirmed", "confirmed_on", "evidence", "closed_on",
            "version",
        )  # fmt: skip
        read_only_fields = fields


class AuditFindingFilter(PlaceFilter):
    village = django_filters.NumberFilter(field_name="unit_id")
    is_open = django_filters.BooleanFilter(field_name="closed_on", lookup_expr="isnull")


class AuditFindingViewSet(EconomyViewSet):
    """What audits of money found, until it is closed with evidence."""

    model = AuditFinding
    serializer_class = AuditFindingSerializer
    filterset_class = AuditFindingFilter

    def dressed(self, rows: QuerySet[AuditFinding]) -> QuerySet[AuditFinding]:
        return rows.select_related("unit")

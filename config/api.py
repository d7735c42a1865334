"""What all endpoints share: one shape of errors, their description, the routes of version 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import set_rollback

FIELDS_KEY = "fields"


# --- Errors -----------------------------------------------------------------------------------


class FieldProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Name of the field, with the way to it; empty for the whole.")
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """The shape of every error: a code for programs, a sentence for people, and what is wrong where."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields_ = FieldProblemSerializer(many=True, source=FIELDS_KEY)

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        found[FIELDS_KEY] = found.pop("fields_")
        found[FIELDS_KEY].source = None
        return found


def error_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """One JSON shape for what a request cannot have; None (a 500 with a number in the log) for our own mistakes."""
    translated = _translated(error)
    if translated is None:
        return None
    set_rollback()
    problems = list(_problems(translated.detail)) if isinstance(translated, exceptions.ValidationError) else []
    code = problems[0]["code"] if len(problems) == 1 and not problems[0]["field"] else "invalid"
    message = problems[0]["message"] if len(problems) == 1 else _("Some of it cannot be accepted.")
    if not problems:
        code, message = str(getattr(translated.detail, "code", translated.default_code)), str(translated.detail)
    body = {"code": code, "message": message, FIELDS_KEY: problems}
    return Response(body, status=translated.status_code)


def _translated(error: Exception) -> exceptions.APIException | None:
    """The error as Django REST Framework knows it."""
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, DjangoValidationError):
        return exceptions.ValidationError(_detail(error))
    if isinstance(error, IntegrityError):
        return exceptions.ValidationError(_("Somebody was faster. Read it again."), code="conflict")
    return None


def _detail(error: DjangoValidationError) -> Any:
    if hasattr(error, "error_dict"):
        return {
            "" if field == NON_FIELD_ERRORS else field: [_coded(one) for one in found]
            for field, found in error.error_dict.items()
        }
    return [_coded(one) for one in error.error_list]


def _coded(error: DjangoValidationError) -> exceptions.ErrorDetail:
    return exceptions.ErrorDetail(" ".join(error.messages), code=error.code or "invalid")


def _problems(detail: Any, way: tuple[str, ...] = ()) -> Iterable[dict[str, str]]:
    """Every leaf of the detail with the way to it."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = () if name == "non_field_errors" else (str(name),)
            yield from _problems(inner, way + step)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _problems(inner, way)
    else:
        yield {"field": ".".join(step for step in way if step), "code": str(detail.code), "message": str(detail)}


# --- Description ------------------------------------------------------------------------------


class Schema(AutoSchema):
    """Adds the errors that every endpoint may answer with."""

    ERRORS = {
        "400": "What was sent cannot be accepted; nothing was changed.",
        "403": "Not signed in, or without the right.",
        "404": "There is no such row in your area.",
    }
    VERSION_ERRORS = {"412": "Somebody changed it meanwhile.", "428": "If-Match is missing."}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        if direction != "response":
            return found
        errors = dict(self.ERRORS)
        if self.method == "PATCH":
            errors |= self.VERSION_ERRORS
        for code, words in errors.items():
            found[code] = {**self._get_response_for_code(ErrorSerializer, code), "description": words}
        return found


# --- Routes -----------------------------------------------------------------------------------


class NumberRouter(SimpleRouter):
    """Rows are found by their number; anything else is no address."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=True)

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return r"(?P<pk>\d{1,18})"


def routes() -> list[Any]:
    # The viewsets read this module's Page and Schema through the settings while they load.
    from assessments import api as month  # noqa: PLC0415
    from assessments import flag_api as flags  # noqa: PLC0415
    from assessments import pay_api as pay  # noqa: PLC0415
    from assessments import year_api as year  # noqa: PLC0415
    from branches import api as places  # noqa: PLC0415
    from branches import import_api as rosters  # noqa: PLC0415
    from cadres import api as people  # noqa: PLC0415
    from collective_economy import api as economy  # noqa: PLC0415

    router = NumberRouter()
    router.register("units", places.UnitViewSet, basename="unit")
    router.register("periods", month.PeriodViewSet, basename="period")
    router.register("returns", month.ReturnViewSet, basename="return")
    router.register("rankings", month.RankingViewSet, basename="ranking")
    router.register("receipts", month.ReceiptViewSet, basename="receipt")
    router.register("appeals", month.AppealViewSet, basename="appeal")
    router.register("flag-rounds", flags.FlagRoundViewSet, basename="flaground")
    router.register("flag-categories", flags.FlagCategoryViewSet, basename="flagcategory")
    router.register("flag-criteria", flags.FlagCriterionViewSet, basename="flagcriterion")
    router.register("flag-applications", flags.FlagApplicationViewSet, basename="flagapplication")
    router.register("flag-awards", flags.FlagAwardViewSet, basename="flagaward")
    router.register("flag-revocations", flags.FlagRevocationViewSet, basename="flagrevocation")
    router.register("pay-sheets", pay.PaySheetViewSet, basename="paysheet")
    router.register("pay-lines", pay.PayLineViewSet, basename="payline")
    router.register("uplift-rates", pay.UpliftRateViewSet, basename="upliftrate")
    router.register("pay-rules", pay.PayRulesViewSet, basename="payrules")
    router.register("pay-forecast", pay.PayForecastViewSet, basename="payforecast")
    router.register("year-assessments", year.YearAssessmentViewSet, basename="yearassessment")
    router.register("village-years", year.VillageYearViewSet, basename="villageyear")
    router.register("cadre-results", year.CadreResultViewSet, basename="cadreresult")
    router.register("people", people.PersonViewSet, basename="person")
    router.register("postings", people.PostingViewSet, basename="posting")
    router.register("reserve-cadres", people.ReserveCadreViewSet, basename="reservecadre")
    router.register("trainings", people.TrainingViewSet, basename="training")
    router.register("attendances", people.AttendanceViewSet, basename="attendance")
    router.register("programmes", economy.ProgrammeViewSet, basename="programme")
    router.register("projects", economy.ProjectViewSet, basename="project")
    router.register("payments", economy.PaymentViewSet, basename="payment")
    router.register("contracts", economy.ContractViewSet, basename="contract")
    router.register("receivables", economy.ReceivableViewSet, basename="receivable")
    router.register("ledger-entries", economy.LedgerEntryViewSet, basename="ledgerentry")
    router.register("ledger-months", economy.LedgerMonthViewSet, basename="ledgermonth")
    router.register("assets", economy.AssetViewSet, basename="asset")
    router.register("audit-findings", economy.AuditFindingViewSet, basename="auditfinding")
    router.register("imports", rosters.ImportBatchViewSet, basename="importbatch")
    return router.urls

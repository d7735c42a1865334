"""Pay: the month by township, a sheet and its steps, a line, the lines as a list, what the year will cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import audit
from accounts.models import User
from accounts.reauth import recent_password_required
from assessments import pay_facts, pay_figures, pay_page, pay_workbooks
from assessments.models import PayLine, PaySheet
from assessments.pay_forecast import forecast
from assessments.pay_forms import LineFilter, ReadBackForm
from assessments.services import pay, pay_settling
from branches.models import Unit
from branches.scoping import fetch, must_hold, paths_for
from branches.versions import Conflict
from imports.upload_limit import is_too_large

SEE = "assessments.view_paysheet"
PREPARE = "assessments.prepare_paysheet"
APPROVE = "assessments.approve_paysheet"
LINES_ON_A_PAGE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --- The month ------------------------------------------------------------------------------


@require_GET
def pay_month(request: HttpRequest) -> HttpResponse:
    """The sheets of a month: one row for each township in sight, and what is to be done next."""
    must_hold(request.user, SEE)
    county = county_of(request, SEE)
    today = timezone.localdate()
    month = month_asked(request.GET.get("month", "")) or pay_page.latest_month(county, request.user, today)
    context = {
        "title": _("Pay by flags and grades"),
        "county": county,
        "counties": pay_page.counties_for(request.user, SEE),
        "month": month,
        "months": pay_page.months_of(county, request.user, today),
        "overview": pay_page.month_of(county, month, request.user),
        "card": pay_figures.card(request.user, county.path, month),
        "may_prepare": holds_at(request.user, PREPARE, county.path) and month <= today,
        "may_approve": holds_at(request.user, APPROVE, county.path),
        "may_forecast": sees_county(request.user),
        "rights": rights_on_sheets(request.user),
    }
    return render(request, "assessments/pay_month.html", context)


@require_POST
def pay_prepare(request: HttpRequest) -> HttpResponse:
    """Sheets for every township of the county; drafts are written anew."""
    must_hold(request.user, PREPARE)
    county = county_of(request, PREPARE)
    month = month_asked(request.POST.get("month", ""))
    if month is None:
        raise Http404
    try:
        sheets = pay.prepare_sheets(county, month, by=request.user, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = ngettext("%(n)d sheet is prepared.", "%(n)d sheets are prepared.", len(sheets)) % {"n": len(sheets)}
        messages.success(request, words) if sheets else messages.info(
            request, _("Nothing to prepare: nobody is due anything, or the sheets are signed already.")
        )
    return redirect(_month_url(county, month))


@recent_password_required
@require_http_methods(["GET", "POST"])
def pay_approve(request: HttpRequest) -> HttpResponse:
    """The signed sheets of a month, to be approved one or several at once."""
    must_hold(request.user, APPROVE)
    county = county_of(request, APPROVE)
    month = month_asked(request.POST.get("month") or request.GET.get("month", ""))
    month = month or pay_page.latest_month(county, request.user, timezone.localdate())
    rows = (
        PaySheet.objects.for_user(request.user, "approve")
        .filter(path__startswith=county.path, month=month, state=PaySheet.State.SIGNED)
        .select_related("unit", "prepared_by", "signed_by")
        .order_by("path")
    )
    if request.method == "POST" and _approved(request, rows):
        return redirect(_month_url(county, month))
    context = {
        "title": _("Approve pay sheets"),
        "crumbs": [(_month_url(county, month), _("Pay by flags and grades"))],
        "county": county,
        "month": month,
        "sheets": list(rows),
        "total": sum(sheet.total_cents for sheet in rows),
    }
    return render(request, "assessments/pay_approve.html", context)


def _approved(request: HttpRequest, rows: QuerySet[PaySheet]) -> bool:
    """Approves what was ticked, each as it was read ("pk:version"). What is refused is said on the page."""
    chosen = dict(pair for value in request.POST.getlist("sheet") if (pair := _pair(value)))
    inside = set(rows.filter(pk__in=list(chosen)).values_list("pk", flat=True))
    try:
        if set(chosen) - inside:
            raise Conflict
        sheets = pay.approve_sheets(chosen, by=request.user, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except PermissionDenied as error:
        messages.error(request, str(error))
    except Conflict:
        messages.error(request, changed_meanwhile())
    else:
        words = ngettext("%(n)d sheet is approved.", "%(n)d sheets are approved.", len(sheets)) % {"n": len(sheets)}
        messages.success(request, words)
        return True
    return False


def _pair(value: str) -> tuple[int, int] | None:
    key, _colon, version = value.partition(":")
    return (int(key), int(version)) if key.isdecimal() and version.isdecimal() and len(value) < 30 else None


# --- A sheet --------------------------------------------------------------------------------


@require_GET
def pay_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "assessments/pay_sheet.html", _sheet_page(request, _sheet(request, pk)))


def _sheet(request: HttpRequest, pk: int, action: str = "view") -> PaySheet:
    fetch(request.user, PaySheet, pk, action)
    rows = PaySheet.objects.for_user(request.user).select_related(
        "unit", "prepared_by", "signed_by", "approved_by", "exported_by"
    )
    return get_object_or_404(rows, pk=pk)


def _sheet_page(request: HttpRequest, sheet: PaySheet, **more: Any) -> dict[str, Any]:
    groups = pay_page.village_groups(sheet)
    lines = [row.line for group in groups for row in group.rows]
    user = request.user
    may = {
        verb: user.has_perm(f"assessments.{verb}_paysheet", sheet) for verb in ("sign", "approve", "export", "settle")
    }
    return {
        "title": pay_workbooks.title_of(sheet),
        "crumbs": [(_month_url(None, sheet.month), _("Pay by flags and grades"))],
        "sheet": sheet,
        "number": pay_workbooks.sheet_number(sheet),
        "groups": groups,
        "uplift_cents": sum(line.uplift_cents for line in lines),
        "performance_cents": sum(line.performance_cents for line in lines),
        "differences": [row for group in groups for row in group.rows if row.is_difference],
        "difference_cents": sum(line.amount_cents for line in lines if line.for_month < sheet.month),
        "failed": [line for line in lines if line.payment == PayLine.Payment.FAILED],
        "open_count": sum(line.payment == PayLine.Payment.OPEN and line.amount_cents != 0 for line in lines),
        "has_performance": any(line.performance_cents for line in lines),
        "is_reported": sheet.state in pay_facts.LOCKED,
        "steps": pay_page.STEPS,
        "step": pay_page.STEP_OF[sheet.state],
        "tone": pay_page.TONES[sheet.state],
        "may_sign": may["sign"] and sheet.state == PaySheet.State.DRAFT and sheet.prepared_by_id != user.pk,
        "may_approve": may["approve"] and sheet.state == PaySheet.State.SIGNED,
        "may_return": may_return(sheet, may),
        "may_export": may["export"] and sheet.state == PaySheet.State.APPROVED,
        "may_fetch": may["export"] and sheet.state in pay_facts.LOCKED,
        "may_read": may["settle"] and sheet.state in pay_facts.LOCKED,
        "form": ReadBackForm(),
        **more,
    }


def may_return(sheet: PaySheet, may: dict[str, bool]) -> bool:
    """The township instead of signing, a leader instead of approving or after it."""
    if sheet.state == PaySheet.State.DRAFT:
        return may["sign"] and not sheet.returned_reason
    return may["approve"] and sheet.state in (PaySheet.State.SIGNED, PaySheet.State.APPROVED)


@require_POST
def pay_sign(request: HttpRequest, pk: int) -> HttpResponse:
    sheet = _sheet(request, pk, "sign")
    return _step(
        request,
        sheet,
        lambda version: pay.sign_sheet(sheet, version=version, by=request.user, now=timezone.now()),
        _("Signed. A leader of the county approves it."),
    )


@require_POST
def pay_return(request: HttpRequest, pk: int) -> HttpResponse:
    sheet = _sheet(request, pk)
    may = {verb: request.user.has_perm(f"assessments.{verb}_paysheet", sheet) for verb in ("sign", "approve")}
    if not may_return(sheet, may):
        raise PermissionDenied(_("A draft is returned by its township, a signed sheet by a leader."))
    return _step(
        request,
        sheet,
        lambda version: pay.return_sheet(sheet, request.POST.get("reason", ""), version=version, by=request.user),
        _("Returned with your reason. The county prepares it anew."),
    )


@require_POST
def pay_export(request: HttpRequest, pk: int) -> HttpResponse:
    sheet = _sheet(request, pk, "export")
    return _step(
        request,
        sheet,
        lambda version: pay_settling.export_sheet(sheet, version=version, by=request.user, now=timezone.now()),
        _("Locked. Fetch the workbook for the finance office; no line changes any more."),
    )


def _step(request: HttpRequest, sheet: PaySheet, act: Callable[[int], PaySheet], done: str) -> HttpResponse:
    """Runs a step on the version that was read; what is refused is said on the page."""
    version = request.POST.get("version", "")
    try:
        act(int(version) if version.isdecimal() and len(version) < 10 else -1)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Conflict:
        messages.error(request, changed_meanwhile())
    else:
        messages.success(request, done)
    return redirect("assessments:pay_sheet", pk=sheet.pk)


def changed_meanwhile() -> str:
    return _("Somebody changed it meanwhile. Look at it again before you go on.")


@require_POST
def pay_workbook(request: HttpRequest, pk: int) -> HttpResponse:
    """The list for the finance office; whoever fetches it stands in the audit trail."""
    sheet = _sheet(request, pk, "export")
    if sheet.state not in pay_facts.LOCKED:
        raise PermissionDenied(_("The list is fetched after the sheet was handed over, so that it cannot change."))
    content = pay_workbooks.finance_workbook(sheet)
    with transaction.atomic():
        audit.record("assessments.download_paysheet", actor=request.user, target=sheet, unit=sheet.path)
    name = f"{pay_workbooks.sheet_number(sheet)}_{sheet.unit.name}.xlsx"
    headers = {"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or ""}
    return HttpResponse(content, content_type=XLSX, headers=headers)


@require_POST
def pay_read_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Reads the finance office's list; every problem is said and then nothing is written."""
    sheet = _sheet(request, pk, "settle")
    file = request.FILES.get("file")
    try:
        if is_too_large(request):
            raise ValidationError(_("The file is larger than 20 MB. Split it, or delete what is not needed."))
        if file is None:
            raise ValidationError(_("Choose a file first."))
        read = pay_workbooks.read_finance_list(file.name or "", file.read(), timezone.localdate())
        if read.problems:
            raise ValidationError(read.problems)
        sheet = pay_settling.read_back(sheet, read.reports, read.total_cents, by=request.user, now=timezone.now())
    except ValidationError as error:
        context = _sheet_page(request, _sheet(request, pk), problems=error.messages)
        return render(request, "assessments/pay_sheet.html", context, status=422)
    if sheet.state == PaySheet.State.SETTLED:
        messages.success(request, _("Every line is paid: the sheet is settled."))
    else:
        messages.success(request, _("Read. Lines that are not paid yet stay open."))
    return redirect("assessments:pay_sheet", pk=pk)


# --- Lines ----------------------------------------------------------------------------------


def lines_shown(user: User, form: LineFilter) -> QuerySet[PayLine]:
    """Lines in the user's scope by the conditions; the newest sheets first."""
    rows = form.under(PayLine.objects.for_user(user))
    if form.is_valid():
        given = form.cleaned_data
        if given["month"]:
            rows = rows.filter(sheet__month=given["month"])
        if given["earlier"]:
            rows = rows.filter(for_month__lt=F("sheet__month"))
        rows = rows.filter(**{name: given[name] for name in ("payment", "note") if given[name]})
    return rows.select_related("sheet__unit", "person", "village").order_by("-sheet__month", "sheet__path", "number")


@require_GET
def pay_lines(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_payline")
    form = LineFilter(request.GET, user=request.user)
    page = Paginator(lines_shown(request.user, form), LINES_ON_A_PAGE).get_page(request.GET.get("page"))
    lines = list(page.object_list)
    names = pay_workbooks.flag_names([lines[0].sheet] if lines else [])
    context = {
        "title": _("Lines of pay"),
        "crumbs": [(reverse("assessments:pay"), _("Pay by flags and grades"))],
        "filters": form,
        "may_forecast": sees_county(request.user),
        "page": page,
        "rows": [pay_page.line_row(line, names) for line in lines],
    }
    return render(request, "assessments/pay_lines.html", context)


@require_GET
def pay_line(request: HttpRequest, pk: int) -> HttpResponse:
    """One line: the flags, the post, the rules and the payment behind it."""
    rows = PayLine.objects.for_user(request.user).select_related("sheet__unit", "person", "village", "posting")
    line = get_object_or_404(rows, pk=pk)
    sheet = line.sheet
    context = {
        "title": _("%(name)s, %(month)s")
        % {"name": line.person.name, "month": date_format(line.for_month, "YEAR_MONTH_FORMAT")},
        "crumbs": [
            (_month_url(None, sheet.month), _("Pay by flags and grades")),
            (reverse("assessments:pay_sheet", args=[sheet.pk]), sheet.unit.name),
        ],
        "told": pay_page.line_page(line, request.user),
        "line": line,
        "number": pay_workbooks.sheet_number(sheet),
        "may_see_person": request.user.has_perm("cadres.view_person", line.person),
    }
    return render(request, "assessments/pay_line.html", context)


# --- The year -------------------------------------------------------------------------------


@require_GET
def pay_forecast(request: HttpRequest) -> HttpResponse:
    """What the year costs: for those who see the whole county."""
    must_hold(request.user, SEE)
    county = county_of(request, SEE)
    if not holds_at(request.user, SEE, county.path):
        raise PermissionDenied(_("The cost of the whole county is open to the county office and its inspectors."))
    context = {
        "title": _("Cost of the year"),
        "crumbs": [(reverse("assessments:pay"), _("Pay by flags and grades"))],
        "county": county,
        "forecast": forecast(county.path, timezone.localdate()),
    }
    return render(request, "assessments/pay_forecast.html", context)


# --- Parts ----------------------------------------------------------------------------------


def county_of(request: HttpRequest, permission: str) -> Unit:
    """The county asked for, else the first one that the right concerns. Http404 for one out of sight."""
    counties = pay_page.counties_for(request.user, permission)
    wanted = request.POST.get("county") or request.GET.get("county", "")
    found = [county for county in counties if not wanted or str(county.pk) == wanted]
    if not found:
        raise Http404
    return found[0]


def holds_at(user: User, permission: str, path: str) -> bool:
    return any(path.startswith(one) for one in paths_for(user, permission))


def sees_county(user: User) -> bool:
    """Whether the user sees the pay of a whole county."""
    return any(holds_at(user, SEE, county.path) for county in pay_page.counties_for(user, SEE))


def rights_on_sheets(user: User) -> dict[str, bool]:
    """Whether the user holds the right for some sheets; the page of a sheet asks for that one."""
    return {
        verb: bool(paths_for(user, f"assessments.{verb}_paysheet")) for verb in ("sign", "approve", "export", "settle")
    }


def month_asked(text: str) -> date | None:
    """First day of 2026-10; None for anything else."""
    year, _dash, month = text.partition("-")
    if len(text) != 7 or not (year.isdecimal() and month.isdecimal()):
        return None
    return date(int(year), int(month), 1) if 2000 <= int(year) <= 2100 and 1 <= int(month) <= 12 else None


def _month_url(county: Unit | None, month: date) -> str:
    extra = f"&county={county.pk}" if county else ""
    return f"{reverse('assessments:pay')}?month={month:%Y-%m}{extra}"

"""Lists out: what to take, one's own files, the county leader's approval; blank rosters for a township.

Rule: docs/rules/exports.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauth import recent_password_required, require_recent_password
from branches import import_pages
from branches.blank_rosters import blank_roster
from branches.listings import PlaceListing
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_for, rows_with
from branches.views.imports import XLSX
from imports import exports
from imports.listings import Listing, listing_called
from imports.models import ExportFile, SavedColumns
from imports.sheets import sheet_called

PER_PAGE = 25
LONGEST_FILTER = 100
CONTENT_TYPES = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8"}

State = ExportFile.State


# --- One's own files ----------------------------------------------------------------------


@require_GET
def export_list(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "imports.view_exportfile")
    context = {"title": _("My exports"), **_rows(request)}
    return render(request, "exports/list.html", context)


@require_GET
def export_rows(request: HttpRequest) -> HttpResponse:
    """The table alone, asked for while a file is being made."""
    must_hold(request.user, "imports.view_exportfile")
    return render(request, "exports/_rows.html", _rows(request))


def _rows(request: HttpRequest) -> dict[str, Any]:
    files = ExportFile.objects.filter(requested_by=request.user).defer("sealed_file").select_related("job")
    page = Paginator(files, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "rows": [(export, _label(export), exports.can_be_fetched(export)) for export in page],
        "is_under_way": any(export.state == State.MAKING for export in page),
        "most_downloads": exports.MOST_DOWNLOADS,
    }


def _label(export: ExportFile) -> str:
    return str(listing_called(export.listing).label)


@require_POST
def export_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Hands the file out to who asked for it, counted. Nobody else learns that it is there."""
    export = ExportFile.objects.filter(pk=pk, requested_by=request.user).select_related("requested_by").first()
    if export is None:
        raise Http404
    try:
        content = exports.fetch_file(export, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("exports:list")
    response = HttpResponse(content, content_type=CONTENT_TYPES[export.kind])
    day = timezone.localtime(export.ready_at).strftime("%Y%m%d-%H%M") if export.ready_at else ""
    name = f"{_label(export)}-{day}.{export.kind}"
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    response.headers["Cache-Control"] = "no-store"
    return response


# --- What to take -------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def export_new(request: HttpRequest) -> HttpResponse:
    """Columns, kind of file and purpose for a list by the conditions in the address.

    With `numbers=1` identity numbers can be ticked, after the password was given again.
    """
    listing = _listing(request)
    wants_numbers = "numbers" in request.GET
    if wants_numbers:
        if not exports.may_have_numbers(listing, request.user):
            raise PermissionDenied
        stopped = require_recent_password(request)
        if stopped is not None:
            return stopped
    errors: Mapping[str, list[str]] = {}
    if request.method == "POST":
        try:
            export = exports.ask(_wish(request, listing, wants_numbers), by=request.user)
        except ValidationError as error:
            errors = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        else:
            _tell(request, export)
            return redirect("exports:list")
    context = _dialog(request, listing, wants_numbers) | {"errors": errors}
    return render(request, "exports/new.html", context, status=422 if errors else 200)


def _listing(request: HttpRequest) -> Listing:
    """The list that the address names; 404 for none, 403 for one that is not the reader's."""
    must_hold(request.user, "imports.ask_exportfile")
    try:
        listing = listing_called(request.GET.get("list", ""))
    except ValidationError as error:
        raise Http404 from error
    must_hold(request.user, listing.permission)
    return listing


def _filters(request: HttpRequest, listing: Listing) -> dict[str, str]:
    """The conditions of the list's page, as far as it has them."""
    assert isinstance(listing, PlaceListing)
    known = listing.form(request.user, {}).fields
    return {name: str(value)[:LONGEST_FILTER] for name, value in request.GET.items() if name in known}


def _wish(request: HttpRequest, listing: Listing, wants_numbers: bool) -> exports.Wish:
    secret = {column.field for column in listing.columns if column.is_secret}
    chosen = [name for name in request.POST.getlist("columns") if wants_numbers or name not in secret]
    return exports.Wish(
        listing=listing.name,
        columns=chosen,
        purpose=request.POST.get("purpose", ""),
        note=request.POST.get("note", "")[:200],
        kind=request.POST.get("kind", ""),
        filters=_filters(request, listing),
    )


def _tell(request: HttpRequest, export: ExportFile) -> None:
    if export.state == State.WAITING:
        messages.info(request, _("A county leader has to approve this file. You find it here as soon as it is made."))
    else:
        messages.success(request, _("The file is being made. You may leave this page."))


def _dialog(request: HttpRequest, listing: Listing, wants_numbers: bool) -> dict[str, Any]:
    filters = _filters(request, listing)
    today = timezone.localdate()
    rows = listing.rows(request.user, filters, today)
    saved = list(SavedColumns.objects.filter(user=request.user, listing=listing.name))
    columns = [column for column in listing.columns if wants_numbers or not column.is_secret]
    people: set[int] = exports.people_in(listing, filters, request.user) if wants_numbers else set()
    taken = exports.people_taken([request.user.pk])[request.user.pk] if wants_numbers else set()
    query = {key: value for key, value in request.GET.items() if key not in ("set", "numbers")}
    return {
        "title": _("Export: %(list)s") % {"list": listing.label},
        "crumbs": _crumbs(listing),
        "listing": listing,
        "told_filters": listing.told_filters(request.user, filters),
        "count": listing.count(rows),
        "columns": columns,
        "ticked": _ticked(request, columns, saved),
        "saved": saved,
        "set": request.GET.get("set", ""),
        "query": urlencode(query),
        "kinds": ExportFile.Kind.choices,
        "purposes": ExportFile.Purpose.choices,
        "typed": request.POST,
        "may_have_numbers": exports.may_have_numbers(listing, request.user),
        "wants_numbers": wants_numbers,
        "people": len(people),
        "taken": len(taken) if len(people | taken) > exports.MOST_WITHOUT_APPROVAL else 0,
        "needs_approval": wants_numbers and exports.needs_approval(people, request.user),
        "most_people": exports.MOST_WITHOUT_APPROVAL,
        "most_downloads": exports.MOST_DOWNLOADS,
    }


def _ticked(request: HttpRequest, columns: list[Any], saved: list[SavedColumns]) -> set[str]:
    """What was ticked; of a saved set its columns; at first everything."""
    if request.method == "POST":
        return set(request.POST.getlist("columns"))
    chosen = next((one for one in saved if str(one.pk) == request.GET.get("set")), None)
    return set(chosen.columns) if chosen else {column.field for column in columns}


def _crumbs(listing: Listing) -> list[tuple[str, str]]:
    try:
        return [(reverse(listing.url_name), str(listing.label))]
    except NoReverseMatch:
        return []


@require_POST
def columns_save(request: HttpRequest) -> HttpResponse:
    """Keeps the ticked columns under a name, for oneself; a set of that name is replaced."""
    listing = _listing(request)
    name = request.POST.get("name", "").strip()[:40]
    fields = [column.field for column in exports.chosen_columns(listing, request.POST.getlist("columns"))]
    here = f"{reverse('exports:new')}?{request.GET.urlencode()}"
    if not name or not fields:
        messages.error(request, _("Tick columns and give them a name."))
        return redirect(here)
    kept, _is_new = SavedColumns.objects.update_or_create(
        user=request.user, listing=listing.name, name=name, defaults={"columns": fields}
    )
    messages.success(request, _("These columns are kept as “%(name)s”.") % {"name": name})
    return redirect(f"{here}&set={kept.pk}")


@require_POST
def columns_delete(request: HttpRequest, pk: int) -> HttpResponse:
    listing = _listing(request)
    found, _of = SavedColumns.objects.filter(user=request.user, listing=listing.name, pk=pk).delete()
    if not found:
        raise Http404
    return redirect(f"{reverse('exports:new')}?{request.GET.urlencode()}")


# --- Approval -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A file that waits for a leader. `taken`: people whose numbers its requester has got within a day."""

    export: ExportFile
    label: str
    told_filters: list[tuple[str, str]]
    is_own: bool
    taken: int


@require_GET
@recent_password_required
def approvals(request: HttpRequest) -> HttpResponse:
    """Files with identity numbers that wait for a county leader, and what was decided before."""
    must_hold(request.user, exports.APPROVE)
    files: QuerySet[ExportFile] = rows_for(request.user, ExportFile, "approve").filter(has_numbers=True)
    files = files.defer("sealed_file").select_related("requested_by", "decided_by")
    decided = files.filter(decided_by__isnull=False).order_by("-decided_at", "-pk")
    page = Paginator(decided, PER_PAGE).get_page(request.GET.get("page"))
    asked = list(files.filter(state=State.WAITING).order_by("requested_at"))
    taken = exports.people_taken({export.requested_by_id for export in asked})
    waiting = [
        Waiting(
            export=export,
            label=_label(export),
            told_filters=_told_filters(export),
            is_own=export.requested_by_id == request.user.pk,
            taken=len(taken.get(export.requested_by_id, ())),
        )
        for export in asked
    ]
    context = {
        "title": _("Exports to approve"),
        "waiting": waiting,
        "page": page,
        "decided": [(export, _label(export)) for export in page],
    }
    return render(request, "exports/approvals.html", context)


def _told_filters(export: ExportFile) -> list[tuple[str, str]]:
    return listing_called(export.listing).told_filters(export.requested_by, export.filters)


@require_POST
@recent_password_required
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    must_hold(request.user, exports.APPROVE)
    export = rows_for(request.user, ExportFile, "approve").filter(pk=pk).first()
    if export is None:
        raise Http404
    try:
        if request.POST.get("decision") == "approve":
            exports.approve(export, by=request.user)
            messages.success(request, _("Approved. The file is being made for who asked for it."))
        else:
            exports.refuse(export, request.POST.get("note", ""), by=request.user)
            messages.success(request, _("Not approved. Who asked for it sees your reason."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("exports:approvals")


# --- Blank rosters ------------------------------------------------------------------------


@require_GET
def blank_list(request: HttpRequest) -> HttpResponse:
    """Blank rosters of a township that the user may fill."""
    must_hold(request.user, "imports.view_importbatch")
    kinds = import_pages.kinds_for(request.user)
    townships = list(_townships(request, "imports.add_importbatch"))
    asked = request.GET.get("township", "")
    chosen = next((unit for unit in townships if str(unit.pk) == asked), townships[0] if townships else None)
    context = {
        "title": _("Blank rosters"),
        "crumbs": [(reverse("imports:list"), _("Import of rosters"))],
        "townships": townships,
        "chosen": chosen,
        "kinds": kinds if chosen else {},
    }
    return render(request, "exports/blank_list.html", context)


def _townships(request: HttpRequest, permission: str) -> QuerySet[Unit]:
    today = timezone.localdate()
    return rows_with(request.user, Unit.objects.townships().valid_on(today), permission)


@require_GET
def blank(request: HttpRequest, sheet: str, pk: int) -> HttpResponse:
    """The blank roster of a sheet with the villages of one township."""
    kinds = import_pages.KINDS
    if sheet not in kinds:
        raise Http404
    permission = sheet_called(sheet).permission
    must_hold(request.user, permission)
    fetch(request.user, Unit, pk)
    township = _townships(request, permission).filter(pk=pk).first()
    if township is None:
        raise Http404
    label = str(kinds[sheet].label)
    content = blank_roster(sheet_called(sheet), label, township, timezone.localdate())
    response = HttpResponse(content, content_type=XLSX)
    name = f"{township.name}-{label}-{pgettext('file name', 'blank')}.xlsx"
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response

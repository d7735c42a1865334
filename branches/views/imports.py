"""Rosters in: uploading, the columns, the preview with its repairs, applying, the result, undoing.

An import has one address; what it shows follows from where the import stands. Only who
uploaded a file answers questions about it, applies and undoes it. Rule: docs/import.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import jobs
from accounts.models import Job
from branches import import_pages
from branches.import_answers import Answers, answers_in, left_in
from branches.scoping import must_hold, paths_for
from imports import batches, limits
from imports.choices import Choices, HandTable
from imports.glimpse import Glimpse
from imports.models import ImportBatch, ImportRow
from imports.repairs import Group, Layout, warnings_in_words
from imports.upload_limit import is_too_large
from imports.workbook_jobs import ask_for_workbook, fetch_workbook, is_made, shows_results, workbook_of

PER_PAGE = 50
HISTORY_PER_PAGE = 25
LONGEST_ROW_NUMBER = 4
LISTED = 50
"""Rows that a result page lists; the workbook has them all."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

State = ImportBatch.State


# --- Uploading ----------------------------------------------------------------------------


@require_GET
def import_list(request: HttpRequest) -> HttpResponse:
    """Choose a roster, drop a file; below it what was imported before."""
    return render(request, "imports/list.html", _list_context(request))


def _list_context(request: HttpRequest, refused: str = "") -> dict[str, Any]:
    user = request.user
    must_hold(user, "imports.view_importbatch")
    kinds = import_pages.kinds_for(user)
    page = Paginator(import_pages.batches_for(user), HISTORY_PER_PAGE).get_page(request.GET.get("page"))
    chosen = request.POST.get("sheet") if refused else request.GET.get("sheet")
    return {
        "title": _("Import of rosters"),
        "kinds": kinds if paths_for(user, "imports.add_importbatch") else {},
        "chosen": chosen if chosen in kinds else next(iter(kinds), ""),
        "page": page,
        "rows": [(batch, import_pages.KINDS[batch.sheet]) for batch in page],
        "steps": import_pages.steps(),
        "refused": refused,
        "megabytes": limits.FILE_BYTES // limits.MEBIBYTE,
        "file_bytes": limits.FILE_BYTES,
        "most_rows": limits.ROWS,
    }


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keeps the file and asks for its check; refuses it with a sentence on the same page."""
    must_hold(request.user, "imports.add_importbatch")
    file = request.FILES.get("file")
    if is_too_large(request):
        return _refused(request, _("The file is larger than 20 MB. Split it, or delete what is not needed."))
    if file is None:
        return _refused(request, _("Choose a file first."))
    try:
        batch = batches.upload(request.POST.get("sheet", ""), file.name or "", file.read(), by=request.user)
    except ValidationError as error:
        return _refused(request, " ".join(error.messages))
    return redirect("imports:batch", batch.pk)


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "imports/list.html", _list_context(request, sentence), status=422)


# --- One import ---------------------------------------------------------------------------


@require_GET
def import_batch(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(request, pk)
    context = _frame(request, batch)
    if context["is_under_way"]:
        return render(request, "imports/progress.html", context)
    if batch.state in (State.CHECKED, State.CONFIRMED):
        return render(request, "imports/preview.html", context | _preview(request, batch))
    if batch.state in (State.APPLIED, State.UNDOING, State.UNDONE):
        return render(request, "imports/result.html", context | _result(batch))
    has_tops = context["is_own"] and batch.state == State.FAILED and bool(Glimpse.from_json(batch.glimpse).tops)
    return render(request, "imports/stopped.html", context | {"can_name_columns": has_tops})


def _batch(request: HttpRequest, pk: int, *, is_own: bool = False) -> ImportBatch:
    """404 for an import out of sight. `is_own`: PermissionDenied for everybody but who uploaded it."""
    batch = import_pages.batches_for(request.user).filter(pk=pk).first()
    if batch is None:
        raise Http404
    if is_own and batch.uploaded_by_id != request.user.pk:
        raise PermissionDenied(_("Only who uploaded a roster may work on its import."))
    return batch


def _frame(request: HttpRequest, batch: ImportBatch) -> dict[str, Any]:
    kind = import_pages.KINDS[batch.sheet]
    return {
        "title": _("Import: %(roster)s") % {"roster": kind.label},
        "crumbs": [(reverse("imports:list"), _("Import of rosters"))],
        "batch": batch,
        "kind": kind,
        "job": batch.job,
        "steps": import_pages.steps(),
        "step": import_pages.step_of(batch),
        "is_own": batch.uploaded_by_id == request.user.pk,
        "is_under_way": batch.job is not None and batch.job.state in jobs.LIVE,
        "failure": batch.job.message if batch.job is not None and batch.job.state == Job.State.FAILED else "",
        "answer": batch.answer,
        "skipped_worksheets": import_pages.skipped_worksheets(batch),
    }


@require_GET
def import_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress, asked for by the page; reloads the page when the work has ended."""
    context = _frame(request, _batch(request, pk))
    response = render(request, "imports/_progress.html", context)
    if not context["is_under_way"]:
        response.headers["HX-Refresh"] = "true"
    return response


def _preview(request: HttpRequest, batch: ImportBatch) -> dict[str, Any]:
    layout = Layout(batch)
    tabs = import_pages.tabs_of(batch, import_pages.with_problems(batch).count())
    tab = import_pages.tab_chosen(request.GET.get("tab", ""), tabs)
    page = Paginator(import_pages.rows_of_tab(batch, tab), PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    headings = import_pages.headings_of(layout, rows, only_faulty=tab == "problems")
    is_own = batch.uploaded_by_id == request.user.pk
    groups = import_pages.problem_groups(batch, layout) if tab == "problems" else []
    asked = [group for group in groups if group.is_worth_asking]
    if is_own:
        import_pages.offer_new_places(asked, layout.sheet, request.user)
    places = import_pages.place_choices(batch, request.user) if is_own and import_pages.needs_places(groups) else {}
    left = Choices.from_json(batch.choices).left if is_own else {}
    told = batch.answer
    return {
        "tabs": tabs,
        "tab": tab,
        "page": page,
        "headings": headings,
        "views": [import_pages.row_view(row, headings, layout) for row in rows],
        "changes": [(row, import_pages.differences_of(row, layout.sheet)) for row in rows] if tab == "changed" else [],
        "left_rows": [(row, left.get(row.target)) for row in rows] if tab == "missing" else [],
        "can_repair": is_own and tab == "problems",
        "can_take_in": is_own and tab == "left_out",
        "is_to_mend": tab == "problems",
        "groups": asked,
        "warnings": warnings_in_words(groups),
        "places": places,
        "absent": _absent(groups, layout),
        "left": left,
        "to_write": told["new"] + told["changed"],
        "warned": batch.rows.filter(has_warnings=True).exclude(outcome=ImportRow.Outcome.FAULTY).count(),
        "skipped_rows": import_pages.skipped_rows(batch),
        "today": timezone.localdate(),
    }


def _absent(groups: list[Group], layout: Layout) -> list[str]:
    """Needed headings that no column of a worksheet is."""
    found = import_pages.absent_fields(groups, layout)
    return list(dict.fromkeys(layout.sheet.by_field[name].headings[0] for fields in found.values() for name in fields))


def _result(batch: ImportBatch) -> dict[str, Any]:
    """What was written, what was left out, what could not be undone."""
    layout = Layout(batch)
    results: Any = batch.rows.exclude(result="").order_by()
    is_missing = Q(outcome=ImportRow.Outcome.MISSING)
    is_left_out = Q(result=ImportRow.Result.LEFT_OUT)
    counts = results.aggregate(
        written=Count("pk", filter=~is_missing & ~is_left_out),
        left=Count("pk", filter=is_missing & ~is_left_out),
        left_out=Count("pk", filter=is_left_out),
    )
    kept_out = list(batch.rows.filter(outcome=ImportRow.Outcome.LEFT_OUT).order_by("position")[:LISTED])
    left_out = list(batch.rows.filter(is_left_out).order_by("position")[:LISTED])
    kept = list(batch.rows.filter(result=ImportRow.Result.NOT_UNDONE).order_by("position")[: LISTED + 1])
    headings = import_pages.headings_of(layout, left_out, only_faulty=True)
    return {
        "headings": headings,
        "is_to_mend": True,
        "views": [import_pages.row_view(row, headings, layout) for row in left_out],
        "counts": counts,
        "kept_out": kept_out,
        "kept": kept[:LISTED],
        "has_more_kept": len(kept) > LISTED,
        "subject": layout.sheet.subject,
        "can_be_undone": batches.can_be_undone(batch),
        "undo_until": batch.applied_at + timedelta(days=batches.UNDO_DAYS) if batch.applied_at else None,
        "records_url": import_pages.records_url(batch),
        "listed": LISTED,
    }


# --- Columns ------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def import_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """What each heading means. An answer is remembered for the place and the file checked again."""
    batch = _batch(request, pk, is_own=True)
    if request.method == "POST":
        return _do(request, batch, lambda: _answer_columns(request, batch))
    context = _frame(request, batch)
    if context["is_under_way"] or batch.state != State.CHECKED:
        return redirect("imports:batch", pk)
    layout = Layout(batch)
    context |= {
        "step": import_pages.COLUMNS,
        "tables": import_pages.column_tables(batch),
        "fields": import_pages.fields_to_choose(layout.sheet),
        "not_kept": layout.sheet.not_kept,
        "can_name_columns": bool(Glimpse.from_json(batch.glimpse).tops),
        "crumbs": [*context["crumbs"], (reverse("imports:batch", args=[pk]), batch.file_name)],
    }
    return render(request, "imports/columns.html", context)


def _answer_columns(request: HttpRequest, batch: ImportBatch) -> None:
    """Only what differs from how the columns are read now is an answer."""
    said = {}
    by_hand = Choices.from_json(batch.choices).tables
    keys = import_pages.column_keys(batch)
    for told in batch.answer.get("tables", []):
        if told["worksheet"] in by_hand:
            continue
        now = {**told["mapped"], **dict.fromkeys(told["ignored"], "")}
        for heading, name in now.items():
            chosen = request.POST.get(keys[told["worksheet"], heading], name)
            if chosen != name:
                said[heading] = chosen
    if not said:
        messages.info(request, _("Nothing was changed."))
        return
    batches.answer_columns(batch, said, by=request.user)


@require_http_methods(["GET", "POST"])
def import_table(request: HttpRequest, pk: int) -> HttpResponse:
    """Columns named by hand in worksheets without a row of headings. Remembered for the place."""
    batch = _batch(request, pk, is_own=True)
    views = import_pages.hand_views(batch)
    error = ""
    if request.method == "POST":
        tables = {view.worksheet: _hand_table(request, view) for view in views}
        try:
            batches.answer_tables(batch, {name: each for name, each in tables.items() if each.fields}, by=request.user)
        except ValidationError as refused:
            error = " ".join(refused.messages)
        else:
            return redirect("imports:batch", pk)
        for view in views:
            view.first_row = tables[view.worksheet].first_row
            for column in view.columns:
                column.field = tables[view.worksheet].fields.get(column.index, "")
    context = _frame(request, batch)
    if not error and (context["is_under_way"] or batch.state not in (State.CHECKED, State.FAILED)):
        return redirect("imports:batch", pk)
    sheet = Layout(batch).sheet
    context |= {
        "step": import_pages.COLUMNS,
        "views": views,
        "error": error,
        "fields": import_pages.fields_to_choose(sheet),
        "crumbs": [*context["crumbs"], (reverse("imports:batch", args=[pk]), batch.file_name)],
    }
    return render(request, "imports/table.html", context, status=422 if error else 200)


def _hand_table(request: HttpRequest, view: import_pages.HandView) -> HandTable:
    typed = request.POST.get(view.first_key, "")
    chosen = {column.index: request.POST.get(column.key, "") for column in view.columns}
    first_row = int(typed) if typed.isdecimal() and len(typed) < LONGEST_ROW_NUMBER else 0
    return HandTable(first_row, {index: name for index, name in chosen.items() if name})


# --- Repairs ------------------------------------------------------------------------------


@require_POST
def import_repair(request: HttpRequest, pk: int) -> HttpResponse:
    """Corrections of groups and of single cells, all in one."""
    batch = _batch(request, pk, is_own=True)
    return _do(request, batch, lambda: _repair(request, batch))


def _repair(request: HttpRequest, batch: ImportBatch) -> None:
    answers = answers_in(request.POST, batch, request.user)
    if answers.not_found:
        told = pgettext("between names", ", ").join(dict.fromkeys(answers.not_found))
        messages.warning(request, _("Choose a place from the list; not found: %(places)s") % {"places": told})
    if answers.old_numbers or answers.says_something:
        batches.answer_cells(
            batch,
            answers.everything(),
            by=request.user,
            left_out=answers.left_out,
            new_places=answers.new_places,
            converts_old_numbers=bool(answers.old_numbers),
        )
        _tell_repairs(request, len(answers.cells) + answers.old_numbers, answers)
    elif not answers.not_found:
        messages.info(request, _("Nothing was changed."))


def _tell_repairs(request: HttpRequest, cells: int, answers: Answers) -> None:
    out = sum(answers.left_out.values())
    back, made = len(answers.left_out) - out, sum(answers.new_places.values())
    told = [
        (cells, ngettext("%(n)d cell corrected.", "%(n)d cells corrected.", cells)),
        (out, ngettext("%(n)d row is kept out.", "%(n)d rows are kept out.", out)),
        (back, ngettext("%(n)d row is taken in again.", "%(n)d rows are taken in again.", back)),
        (made, ngettext("%(n)d village will be made.", "%(n)d villages will be made.", made)),
    ]
    messages.success(request, " ".join(words % {"n": count} for count, words in told if count) or _("Saved."))


@require_POST
def import_left(request: HttpRequest, pk: int) -> HttpResponse:
    """Notes who has left, as ticked on this page of the list; a script asks for it at every tick."""
    batch = _batch(request, pk, is_own=True)
    if request.headers.get("X-Autosave"):
        try:
            return JsonResponse({"text": _note_left(request, batch)})
        except ValidationError as error:
            return JsonResponse({"text": " ".join(error.messages)}, status=422)
    return _do(request, batch, lambda: messages.success(request, _note_left(request, batch)))


def _note_left(request: HttpRequest, batch: ImportBatch) -> str:
    left = left_in(request.POST, Choices.from_json(batch.choices).left)
    batches.note_left(batch, left, by=request.user)
    words = ngettext("%(n)d person is noted as having left.", "%(n)d people are noted as having left.", len(left))
    return words % {"n": len(left)}


# --- Applying, undoing, giving up ---------------------------------------------------------


@require_POST
def import_apply(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(request, pk, is_own=True)
    return _do(request, batch, lambda: _confirm(request, batch))


def _confirm(request: HttpRequest, batch: ImportBatch) -> None:
    """What was seen is what is applied: a page older than the last check confirms nothing."""
    if request.POST.get("seen") != batch.fingerprint:
        raise ValidationError(_("The preview is newer than the page you confirmed. Look at it again."), "seen")
    left = left_in(request.POST, Choices.from_json(batch.choices).left)
    batches.confirm(batch, by=request.user, is_all_or_nothing="skip" not in request.POST, left=left)


@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(request, pk, is_own=True)
    return _do(request, batch, lambda: batches.undo(batch, by=request.user))


@require_POST
def import_give_up(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(request, pk, is_own=True)

    def give_up() -> None:
        batches.give_up(batch, by=request.user)
        messages.success(request, _("The import is given up. Nothing was written."))

    return _do(request, batch, give_up)


def _do(request: HttpRequest, batch: ImportBatch, act: Callable[[], None]) -> HttpResponse:
    """Does it and goes back to where the user was; a refusal is told in its sentence."""
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    tab = request.POST.get("tab", "")
    here = reverse("imports:batch", args=[batch.pk])
    return redirect(f"{here}?tab={tab}" if tab in import_pages.TABS else here)


# --- The file that comes back -------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def import_workbook(request: HttpRequest, pk: int) -> HttpResponse:
    """The upload with its problems, or with what became of its rows: asked for, being made, ready to be fetched."""
    batch = _batch(request, pk, is_own=True)
    if request.method == "POST":
        try:
            ask_for_workbook(batch, by=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("imports:batch", pk)
        return redirect("imports:workbook", pk)
    has_file: bool = batch.has_file  # type: ignore[attr-defined]
    if not has_file:
        raise Http404
    return render(request, "imports/workbook.html", _workbook(request, batch))


def _workbook(request: HttpRequest, batch: ImportBatch) -> dict[str, Any]:
    workbook = workbook_of(batch)
    context = _frame(request, batch)
    job = workbook.job if workbook else None
    return context | {
        "crumbs": [*context["crumbs"], (reverse("imports:batch", args=[batch.pk]), batch.file_name)],
        "workbook": workbook,
        "job": job,
        "is_being_made": job is not None and job.state in jobs.LIVE,
        "is_made": workbook is not None and is_made(workbook),
        "is_result": shows_results(batch),
        "failure": job.message if job is not None and job.state == Job.State.FAILED else "",
    }


@require_GET
def import_workbook_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Asked for by the page; reloads it when the work has ended."""
    context = _workbook(request, _batch(request, pk, is_own=True))
    response = render(request, "imports/_workbook_progress.html", context)
    if not context["is_being_made"]:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
def import_workbook_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Hands it out. It holds full numbers: only for its uploader, and noted."""
    batch = _batch(request, pk, is_own=True)
    try:
        content = fetch_workbook(batch, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("imports:batch", pk)
    response = HttpResponse(content, content_type=XLSX)
    name = batch.file_name.rpartition(".")[0] or batch.file_name
    ending = pgettext("file name", "result") if shows_results(batch) else pgettext("file name", "problems")
    response.headers["Content-Disposition"] = content_disposition_header(True, f"{name}-{ending}.xlsx") or ""
    return response

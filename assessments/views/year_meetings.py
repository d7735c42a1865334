"""Report-and-comment meetings: the list, the record with its ballots, confirming it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assessments import year, year_page
from assessments.models import Comment, CommentMeeting
from assessments.services.year_meetings import BALLOTS, change_meeting, confirm_meeting, enter_meeting
from assessments.year_forms import BallotRows, MeetingForm
from assessments.year_rules import default_rules
from branches.form_page import show_refusal
from branches.models import Unit
from branches.scoping import fetch, must_hold, rows_with
from branches.versions import Conflict

ROWS = 50


def ballot_names() -> dict[str, str]:
    return {
        "good": pgettext("ballot", "good"),
        "rather_good": pgettext("ballot", "rather good"),
        "average": pgettext("ballot", "average"),
        "poor": pgettext("ballot", "poor"),
    }


@require_GET
def meeting_list(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, "assessments.view_commentmeeting")
    rows = CommentMeeting.objects.for_user(request.user).select_related("unit", "entered_by", "confirmed_by")
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    context = {
        "title": _("Report-and-comment meetings"),
        "crumbs": year_page.crumbs(),
        "page": page,
        "rows": [(row, _is_quorate(row)) for row in page],
        "may_add": _places(request).exists(),
    }
    return render(request, "assessments/meeting_list.html", context)


def _is_quorate(row: CommentMeeting) -> bool:
    return year.enough_present(row.present, row.entitled, default_rules().present_share)


def _places(request: HttpRequest) -> Any:
    units = Unit.objects.filter(kind__in=[Unit.Kind.COUNTY, Unit.Kind.TOWNSHIP], valid_to__isnull=True)
    return rows_with(request.user, units, "assessments.add_commentmeeting").order_by("path")


@require_GET
def meeting(request: HttpRequest, pk: int) -> HttpResponse:
    """The record, as it is printed: ballots, shares and the grade that follows, the committee's words."""
    row: CommentMeeting = fetch(request.user, CommentMeeting, pk)
    names = ballot_names()
    comments = Comment.objects.filter(meeting=row).select_related("person", "village").order_by("village__path", "pk")
    context = {
        "title": _("Report-and-comment meeting"),
        "crumbs": _crumbs(),
        "meeting": row,
        "ballots": [names[name] for name in BALLOTS],
        "rows": [
            {
                "comment": one,
                "counts": [getattr(one, name) for name in BALLOTS],
                "cast": sum(getattr(one, name) for name in BALLOTS),
                "grade": names.get(one.grade, ""),
                "tone": year_page.BALLOT_TONES.get(one.grade, ""),
            }
            for one in comments
        ],
        "is_quorate": _is_quorate(row),
        "may_change": row.confirmed_by_id is None and request.user.has_perm("assessments.add_commentmeeting", row),
        "may_confirm": row.confirmed_by_id is None
        and row.entered_by_id != request.user.pk
        and request.user.has_perm("assessments.confirm_commentmeeting", row),
        "now": timezone.now(),
    }
    return render(request, "assessments/meeting.html", context)


def _crumbs() -> list[tuple[str, str]]:
    return [*year_page.crumbs(), (reverse("assessments:meeting_list"), _("Report-and-comment meetings"))]


@require_http_methods(["GET", "POST"])
def meeting_new(request: HttpRequest) -> HttpResponse:
    places = _places(request)
    wanted = request.GET.get("unit", "")
    if not wanted:
        unit = places.filter(kind=Unit.Kind.TOWNSHIP).first()
    else:
        unit = places.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 18 else None
    if unit is None:
        must_hold(request.user, "assessments.add_commentmeeting")
        raise Http404
    return _form(request, unit, None, list(places))


@require_http_methods(["GET", "POST"])
def meeting_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row: CommentMeeting = fetch(request.user, CommentMeeting, pk, "add")
    if row.confirmed_by_id is not None:
        raise PermissionDenied(_("This record is confirmed; it stays as it is."))
    return _form(request, row.unit, row, [])


def _form(request: HttpRequest, unit: Unit, row: CommentMeeting | None, places: list[Unit]) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    today = timezone.localdate()
    names = ("year", "held_on", "chair", "entitled", "present", "minutes")
    initial: dict[str, Any] = {name: getattr(row, name) for name in names} if row else {}
    initial |= {"base_version": row.version} if row else {"year": today.year, "held_on": today}
    form = MeetingForm(data, initial=initial)
    is_sound = data is not None and form.is_valid()
    day = form.cleaned_data["held_on"] if is_sound else (row.held_on if row else today)
    table = BallotRows(unit, day, data, row)
    if is_sound:
        try:
            with transaction.atomic():
                made = _save(request, unit, row, form.cleaned_data, table, today)
        except ValidationError as error:
            show_refusal(form, error)
        except Conflict:
            form.add_error(
                None, _("Somebody else changed this meanwhile. Open the page anew and look before you save.")
            )
        else:
            messages.success(request, _("Saved. Somebody else confirms the record."))
            return redirect("assessments:meeting", pk=made.pk)
    context = {
        "title": _("Correct the record of a meeting") if row else _("Enter a meeting"),
        "crumbs": _crumbs(),
        "unit": unit,
        "places": places,
        "form": form,
        "table": table,
        "ballots": [ballot_names()[name] for name in BALLOTS],
        "back": reverse("assessments:meeting", args=[row.pk]) if row else reverse("assessments:meeting_list"),
    }
    return render(request, "assessments/meeting_form.html", context, status=422 if form.errors else 200)


def _save(
    request: HttpRequest, unit: Unit, row: CommentMeeting | None, values: Any, table: BallotRows, today: Any
) -> CommentMeeting:
    if row is None:
        made = enter_meeting(unit, values, table.said(), by=request.user, today=today)
    else:
        version = values.get("base_version") or 0
        made = change_meeting(row, values, table.said(), version=version, by=request.user, today=today)
    found: CommentMeeting = fetch(request.user, CommentMeeting, made.pk, "add")
    return found


@require_POST
def meeting_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    row: CommentMeeting = fetch(request.user, CommentMeeting, pk, "confirm")
    version = request.POST.get("version", "")
    try:
        confirm_meeting(
            row,
            version=int(version) if version.isdecimal() and len(version) < 10 else 0,
            by=request.user,
            now=timezone.now(),
        )
    except Conflict:
        messages.error(request, _("Somebody changed the record since you opened the page. Look at it again."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The record is confirmed."))
    return redirect("assessments:meeting", pk=row.pk)

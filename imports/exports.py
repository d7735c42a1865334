"""Files on their way out: asked for, approved where they hold many identity numbers, made by a job, fetched, forgotten.

    export = ask(request, by=user)             # a job makes it, or a county leader decides first
    raw = fetch_file(export, by=user)          # five times, for a day

The job reads in the scope that the requester has when it runs. Rule: docs/rules/exports.md.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit
from accounts.jobs import LIVE, JobRun, enqueue, handler
from accounts.models import Job
from imports import limits
from imports.listings import Listing, listing_called
from imports.models import KEPT, MOST_DOWNLOADS, ExportFile
from imports.typed_workbooks import OutColumn, csv_file, xlsx

if TYPE_CHECKING:
    from accounts.models import User

MAKE = "imports.make_export"
ADD, NUMBERS, ASK, APPROVE = (
    "imports.ask_exportfile",
    "imports.export_numbers",
    "imports.ask_numbers",
    "imports.approve_exportfile",
)
MOST_WITHOUT_APPROVAL = 50
"""People whose identity numbers somebody may take within a day on a purpose alone (security.md section 2)."""
COUNTED = timedelta(hours=24)
STEP = 4
"""Characters of a path for each level of the tree."""

State = ExportFile.State


@dataclass(frozen=True)
class Wish:
    """What somebody wants to take: a list by the conditions of its page, some columns, what for."""

    listing: str
    columns: Sequence[str]
    purpose: str
    note: str = ""
    kind: str = ExportFile.Kind.XLSX
    filters: Mapping[str, str] = field(default_factory=dict)


# --- What users ask for -------------------------------------------------------------------


@transaction.atomic
def ask(wish: Wish, *, by: User) -> ExportFile:
    """Asks for a file: a job makes it, or it waits for a county leader.

    ValidationError by field: "no_columns", "no_purpose", "no_note"; "too_many" files of this user under way;
    "unknown_list". PermissionDenied without the right to see the list, to export, or to identity numbers.
    """
    listing = listing_called(wish.listing)
    _must_see(by, listing)
    columns = chosen_columns(listing, wish.columns)
    has_numbers = any(column.is_secret for column in columns)
    if has_numbers and not may_have_numbers(listing, by):
        raise PermissionDenied
    _check(wish, columns, has_numbers)
    if Job.objects.filter(kind=MAKE, requested_by=by, state__in=LIVE).count() >= limits.JOBS_WAITING:
        raise ValidationError(_("Three of your files are still being made. Wait until one is done."), "too_many")
    people: set[int] = set()
    if has_numbers:
        # Two requests at a time, each below the limit, count each other.
        get_user_model()._base_manager.select_for_update().get(pk=by.pk)
        people = people_in(listing, wish.filters, by)
    export = ExportFile.objects.create(
        listing=listing.name,
        filters=dict(wish.filters),
        columns=[column.field for column in columns],
        kind=wish.kind,
        purpose=wish.purpose,
        note=wish.note.strip(),
        has_numbers=has_numbers,
        people_count=len(people),
        person_ids=sorted(people),
        path=_path_over(listing.paths(by)),
        paths=listing.paths(by),
        state=State.WAITING if has_numbers and needs_approval(people, by) else State.MAKING,
        requested_by=by,
    )
    _note("imports.ask_exportfile", export, by)
    if export.state == State.MAKING:
        _have_it_made(export)
    return export


def chosen_columns(listing: Listing, fields: Sequence[str]) -> list[OutColumn]:
    """In the order of the list; names it does not have are left away."""
    return [column for column in listing.columns if column.field in fields]


def may_have_numbers(listing: Listing, user: User) -> bool:
    """Whether identity numbers can be asked for, with approval or without."""
    return listing.has_numbers and user.has_perm(ASK)


def needs_approval(people: set[int], user: User, *, besides: ExportFile | None = None) -> bool:
    """Whether a leader decides: about many people, also when they were taken a few at a time; about any by some roles.

    `besides`: a file that is not counted as taken before, because it is the one asked about.
    """
    if not user.has_perm(NUMBERS):
        return True
    taken = people_taken([user.pk], besides=besides).get(user.pk, set())
    return len(people | taken) > MOST_WITHOUT_APPROVAL


def people_taken(users: Collection[int], *, besides: ExportFile | None = None) -> dict[int, set[int]]:
    """User -> people whose identity numbers their files of the last 24 hours hold, each once. One query.

    A file that is being made counts already; one that waits, was refused or was not made does not.
    """
    since = timezone.now() - COUNTED
    is_taken = Q(state=State.MAKING) | Q(state__in=(State.READY, State.FORGOTTEN), ready_at__gte=since)
    files = ExportFile.objects.filter(is_taken, requested_by__in=users, has_numbers=True)
    if besides is not None:
        files = files.exclude(pk=besides.pk)
    found: dict[int, set[int]] = defaultdict(set)
    for user, keys in files.order_by().values_list("requested_by", "person_ids"):
        found[user].update(keys)
    return found


def people_in(listing: Listing, filters: Mapping[str, str], user: User) -> set[int]:
    return listing.people(_rows(listing, filters, user, has_numbers=True))


def _rows(listing: Listing, filters: Mapping[str, str], user: User, *, has_numbers: bool) -> QuerySet[Any]:
    rows = listing.rows(user, filters, timezone.localdate())
    return listing.with_right(rows, user, ASK) if has_numbers else rows


def _must_see(user: User, listing: Listing) -> None:
    if not user.has_perm(ADD) or not listing.paths(user):
        raise PermissionDenied


def _check(wish: Wish, columns: Sequence[OutColumn], has_numbers: bool) -> None:
    errors = {}
    if not columns:
        errors["columns"] = ValidationError(_("Choose at least one column."), "no_columns")
    if wish.purpose not in ExportFile.Purpose.values:
        errors["purpose"] = ValidationError(_("Choose the purpose."), "no_purpose")
    if (has_numbers or wish.purpose == ExportFile.Purpose.OTHER) and not wish.note.strip():
        errors["note"] = ValidationError(_("Write what it is needed for."), "no_note")
    if wish.kind not in ExportFile.Kind.values:
        errors["kind"] = ValidationError(_("Choose the kind of file."), "no_kind")
    if errors:
        raise ValidationError(errors)


def _path_over(paths: Sequence[str]) -> str:
    """The path that all of them lie under."""
    shared = paths[0] if paths else ""
    while not all(path.startswith(shared) for path in paths):
        shared = shared[:-STEP]
    return shared


def _have_it_made(export: ExportFile) -> None:
    user = export.requested_by
    export.job = enqueue(MAKE, {"export_id": export.pk}, by=user, key=str(export.pk), scope=export.path)
    export.save(update_fields=["job"])


def _note(event: str, export: ExportFile, by: User | None, reason: str = "") -> None:
    """Everything that says which file it was; never what stands in it."""
    changes = {
        "listing": export.listing,
        "filters": export.filters,
        "columns": export.columns,
        "kind": export.kind,
        "purpose": export.purpose,
        "people_count": export.people_count,
        "row_count": export.row_count,
        "file_digest": export.file_digest,
        "downloads": export.downloads,
    }
    audit.record(event, actor=by, target=export, unit=export.path, changes=changes, reason=reason or export.note)


# --- What a county leader decides ---------------------------------------------------------


@transaction.atomic
def approve(export: ExportFile, *, by: User) -> None:
    """Lets the file be made. PermissionDenied for one's own; ValidationError "decided" when somebody was faster."""
    export = _taken(export, by)
    export.state = State.MAKING
    export.decided_by, export.decided_at = by, timezone.now()
    export.save(update_fields=["state", "decided_by", "decided_at"])
    _note("imports.approve_exportfile", export, by)
    _have_it_made(export)


@transaction.atomic
def refuse(export: ExportFile, note: str, *, by: User) -> None:
    """Does not let it be made, and says why. ValidationError at `note`: "no_note"; else as `approve`."""
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Write why it is not approved."), "no_note")})
    export = _taken(export, by)
    export.state = State.REFUSED
    export.decided_by, export.decided_at, export.decision_note = by, timezone.now(), note.strip()[:200]
    export.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])
    _note("imports.refuse_exportfile", export, by, reason=export.decision_note)


def _taken(export: ExportFile, by: User) -> ExportFile:
    locked = ExportFile.objects.select_for_update(of=("self",)).select_related("requested_by").get(pk=export.pk)
    if locked.requested_by_id == by.pk or not by.has_perm(APPROVE, locked):
        raise PermissionDenied
    if locked.state != State.WAITING:
        raise ValidationError(_("This has been decided already."), "decided")
    return locked


# --- What the job does --------------------------------------------------------------------


@handler(MAKE, permission=ADD, label=gettext_noop("Make a file"))
def make(run: JobRun, *, export_id: int) -> Mapping[str, Any] | None:
    """Reads in the requester's present scope, writes, seals. Harmless to repeat: a file is kept once."""
    export = ExportFile.objects.select_related("requested_by", "decided_by").get(pk=export_id)
    if export.state != State.MAKING:
        return {}
    run.progress(0, 2, gettext_noop("Reading the rows"))
    try:
        raw, count, people = _made(export)
    except (PermissionDenied, ValidationError):
        ExportFile.objects.filter(pk=export.pk, state=State.MAKING).update(state=State.FAILED)
        raise
    run.progress(1, 2, gettext_noop("Sealing the file"))
    with transaction.atomic():
        export.keep_file(raw)
        export.state, export.ready_at = State.READY, timezone.now()
        export.row_count, export.people_count, export.person_ids = count, len(people), sorted(people)
        export.file_size, export.file_digest = len(raw), hashlib.sha256(raw).hexdigest()
        export.paths = listing_called(export.listing).paths(export.requested_by)
        export.save()
        _note("imports.export_exportfile", export, export.requested_by)
        run.finish_in_transaction({"export": export.pk})
    return None


def _made(export: ExportFile) -> tuple[bytes, int, set[int]]:
    """The file, its rows, and whose identity numbers it holds.

    PermissionDenied when the right is gone; ValidationError when the list has grown past what was allowed.
    """
    user, listing = export.requested_by, listing_called(export.listing)
    _must_see(user, listing)
    columns = chosen_columns(listing, export.columns)
    rows = _rows(listing, export.filters, user, has_numbers=export.has_numbers)
    people: set[int] = set()
    if export.has_numbers:
        if not may_have_numbers(listing, user):
            raise PermissionDenied
        people = listing.people(rows)
        if export.decided_by_id:
            is_more = len(people) > export.people_count
        else:
            is_more = needs_approval(people, user, besides=export)
        if is_more:
            raise ValidationError(_("More people fit by now than were allowed. Ask for the file again."), "grown")
    records = listing.records(rows, has_numbers=export.has_numbers)
    if export.kind == ExportFile.Kind.CSV:
        raw, count = csv_file(columns, records, told(export))
    else:
        raw, count = xlsx(str(listing.label), columns, records, told(export))
    return raw, count, people


def told(export: ExportFile) -> str:
    """First line and footer: who, when, what for, and who approved it."""
    user = export.requested_by
    words = _("Exported by %(name)s (%(username)s) %(time)s, purpose: %(purpose)s") % {
        "name": user.name,
        "username": user.username,
        "time": date_format(timezone.localtime(), "Y-m-d H:i"),
        "purpose": f"{export.get_purpose_display()}{f'（{export.note}）' if export.note else ''}",
    }
    approver = export.decided_by
    return f"{words}{_(', approved by %(name)s') % {'name': approver.name}}" if approver else words


# --- Fetching and forgetting --------------------------------------------------------------


def can_be_fetched(export: ExportFile) -> bool:
    return (
        export.state == State.READY
        and export.downloads < MOST_DOWNLOADS
        and export.ready_at is not None
        and timezone.now() <= export.ready_at + KEPT
    )


@transaction.atomic
def fetch_file(export: ExportFile, *, by: User) -> bytes:
    """The file, for who asked for it, counted.

    PermissionDenied for everybody else and when a right, or a place the file was made of, is no longer theirs.
    ValidationError "gone" after five times or a day.
    """
    if export.requested_by_id != by.pk:
        raise PermissionDenied
    listing = listing_called(export.listing)
    _must_see(by, listing)
    held = listing.paths(by)
    if any(not path.startswith(tuple(held)) for path in export.paths):
        raise PermissionDenied
    if export.has_numbers and not may_have_numbers(listing, by):
        raise PermissionDenied
    taken = ExportFile.objects.filter(
        pk=export.pk, state=State.READY, downloads__lt=MOST_DOWNLOADS, ready_at__gte=timezone.now() - KEPT
    ).update(downloads=F("downloads") + 1)
    if not taken:
        raise ValidationError(
            _("The file is no longer kept: it could be fetched five times within a day. Export it again."), "gone"
        )
    fetched = ExportFile.objects.get(pk=export.pk)
    _note("imports.download_exportfile", fetched, by)
    return fetched.file()


def forget_old_files(now: datetime) -> int:
    """Takes the file out of exports that cannot be fetched any longer, and whom it held. Gives their number."""
    is_uncounted = Q(ready_at__lt=now - COUNTED) | Q(state__in=(State.REFUSED, State.FAILED))
    ExportFile.objects.filter(is_uncounted).exclude(person_ids=[]).update(person_ids=[])
    over = Q(ready_at__lt=now - KEPT) | Q(downloads__gte=MOST_DOWNLOADS)
    return ExportFile.objects.filter(over, state=State.READY).update(sealed_file=None, state=State.FORGOTTEN)

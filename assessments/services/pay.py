"""Pay sheets of a county, step by step: prepared, signed, approved. Who makes a sheet neither signs nor approves it.

What happens after the approval stands in `pay_settling`. Rule: docs/rules/pay.md.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import insert_rows
from accounts.models import User
from assessments import pay_facts
from assessments.models import PayLine, PaySheet
from assessments.pay import GROUPS, Due, Facts, Key, Paid, differences, due_for, village_on
from assessments.pay_facts import Sheets, Villages
from branches.models import Unit
from branches.months import after, first_of_window
from branches.versions import Conflict

State = PaySheet.State
LOOK_BACK = 24
"""Months before a sheet's own for which differences are looked for."""
MAX_REASON = 500
COLUMNS = (
    "sheet_id", "number", "path", "village_id", "person_id", "posting_id", "role_group", "for_month", "flags",
    "uplift_cents", "performance_cents", "amount_cents", "note", "payment", "paid_on", "failure",
)  # fmt: skip
Lines = list[tuple[date, Due]]
T = TypeVar("T")


# --- Preparing ------------------------------------------------------------------------------


@transaction.atomic
def prepare_sheets(county: Unit, month: date, *, by: User, now: datetime) -> list[PaySheet]:
    """The month's sheet of every township of the county that has something to pay; drafts are written anew.

    A sheet holds the month's lines, and for every earlier month that is with the finance office what is due by
    today's knowledge less what all lines give already. Sheets that are signed or further stay as they are. The
    number of queries does not depend on the number of villages. Raises ValidationError "not_a_month",
    "not_yet", "no_rules", "no_rates".
    """
    Unit.objects.select_for_update().get(pk=county.pk)
    _check_month(county, month, timezone.localdate(now))
    existing = {
        sheet.path: sheet for sheet in _locked(PaySheet.objects.filter(path__startswith=county.path, month=month))
    }
    villages = pay_facts.villages_of(county.path)
    townships = {unit.path: unit for unit in Unit.objects.under(county.path).townships()}
    writable = frozenset(path for path in townships if path not in existing or existing[path].state == State.DRAFT)
    first = first_of_window(month, LOOK_BACK + 1)
    known = pay_facts.sheets_of(county.path, first, month, without=(month, writable))
    earlier = sorted(one for one in known.locked if one < month)
    facts = pay_facts.facts_of(county.path, (earlier or [month])[0], month, villages, approved_then=known.approved_then)
    _check_terms(facts, month)
    lines = _lines(month, earlier, facts, known, villages, writable, frozenset(townships))
    sheets = _write_sheets(month, lines, existing, townships, facts, villages, by, now)
    _write_lines(sheets, lines, villages)
    return sheets


def _locked(rows: QuerySet[PaySheet]) -> QuerySet[PaySheet]:
    return rows.select_for_update(of=("self",)).order_by("path")


def _check_month(county: Unit, month: date, today: date) -> None:
    if month.day != 1:
        raise ValidationError(_("A sheet is for a whole month."), "not_a_month")
    if month > today:
        raise ValidationError(
            _("%(month)s has not begun: who is in post on its deciding day is not known yet.")
            % {"month": date_format(month, "YEAR_MONTH_FORMAT")},
            "not_yet",
        )


def _check_terms(facts: Facts, month: date) -> None:
    if facts.terms_for(month) is None:
        raise ValidationError(_("There are no approved rules of pay for this month. Enter them first."), "no_rules")
    if not any(rate.valid_from <= month for rate in facts.rates):
        raise ValidationError(_("There are no approved rates for this month. Enter them first."), "no_rates")


def _lines(
    month: date,
    earlier: Collection[date],
    facts: Facts,
    known: Sheets,
    villages: Villages,
    writable: frozenset[str],
    townships: frozenset[str],
) -> dict[str, Lines]:
    """Path of the township -> its lines, in the order of the sheet."""
    found: dict[str, Lines] = defaultdict(list)
    for path, due in _own(month, facts, known.paid.get(month, {}), villages, writable):
        found[path].append((month, due))
    for before in earlier:
        # A township without a sheet for a month that others were paid for had nothing to be paid then.
        settled = writable & (known.locked[before] | (townships - known.known[before]))
        due_then = _within(due_for(before, facts), villages, settled)
        paid_then = _within(known.paid.get(before, {}), villages, settled)
        for one in differences(due_then, paid_then):
            found[villages.township_path(one.village)].append((before, one))
    for lines in found.values():
        lines.sort(key=lambda line: _place(line, month, facts, villages))
    return found


def _own(
    month: date, facts: Facts, paid: Mapping[Key, Paid], villages: Villages, writable: frozenset[str]
) -> Iterator[tuple[str, Due]]:
    """The month's own lines. Where a later sheet gives part of it already, the rest."""
    due = _within(due_for(month, facts), villages, writable)
    given = _within(paid, villages, writable)
    rest = differences({key: one for key, one in due.items() if key in given}, given) if given else []
    for one in (*(one for key, one in due.items() if key not in given and one.is_shown), *rest):
        yield villages.township_path(one.village), one


def _within(rows: Mapping[Key, T], villages: Villages, townships: frozenset[str]) -> dict[Key, T]:
    return {key: row for key, row in rows.items() if villages.township_path(key[1]) in townships}


def _place(line: tuple[date, Due], month: date, facts: Facts, villages: Villages) -> tuple[str, int, int, int]:
    """By village, then as rosters name people; somebody's earlier months below the month itself."""
    for_month, due = line
    day = after(month)
    path = villages.paths[village_on(day, due.village, facts.ended) or due.village]
    return (path, GROUPS.index(due.group), due.person, -for_month.toordinal())


def _write_sheets(
    month: date,
    lines: Mapping[str, Lines],
    existing: Mapping[str, PaySheet],
    townships: Mapping[str, Unit],
    facts: Facts,
    villages: Villages,
    by: User,
    now: datetime,
) -> list[PaySheet]:
    approved: dict[str, dict[str, int]] = defaultdict(dict)
    for village, number in facts.approved.items():
        if village in villages.paths and village not in villages.ended:
            approved[villages.township_path(village)][str(village)] = number
    fresh: list[PaySheet] = []
    kept: list[PaySheet] = []
    events: list[tuple[PaySheet, dict[str, object]]] = []
    for path, own in sorted(lines.items()):
        sheet = existing.get(path) or PaySheet(unit=townships[path], path=path, month=month, version=0)
        before = [sheet.total_cents, sheet.people]
        sheet.total_cents = sum(due.amount for _month, due in own)
        sheet.people = _people_paid(own)
        sheet.approved_numbers = approved[path]
        sheet.prepared_by, sheet.prepared_at, sheet.returned_reason = by, now, ""
        sheet.version += 1
        (kept if sheet.pk else fresh).append(sheet)
        changes = {"month": month, "cents": [before[0], sheet.total_cents], "people": [before[1], sheet.people]}
        events.append((sheet, changes))
    empty = [sheet for path, sheet in existing.items() if sheet.state == State.DRAFT and path not in lines]
    PayLine.objects.filter(sheet__in=[*kept, *empty]).delete()
    PaySheet.objects.bulk_create(fresh, batch_size=500)
    PaySheet.objects.bulk_update(kept, WRITTEN, batch_size=500)
    PaySheet.objects.filter(pk__in=[sheet.pk for sheet in empty]).delete()
    audit.record_many(
        [
            *(_event("assessments.prepare_paysheet", sheet, by, changes) for sheet, changes in events),
            *(_event("assessments.discard_paysheet", sheet, by, {"month": month}) for sheet in empty),
        ]
    )
    return [*fresh, *kept]


WRITTEN = ["total_cents", "people", "approved_numbers", "prepared_by", "prepared_at", "returned_reason", "version"]


def _event(event: str, sheet: PaySheet, by: User, changes: Mapping[str, object], reason: str = "") -> audit.Entry:
    return audit.Entry(event=event, actor=by, target=sheet, unit=sheet.path, changes=changes, reason=reason)


def _people_paid(lines: Lines) -> int:
    by_person: dict[int, int] = defaultdict(int)
    for _month, due in lines:
        by_person[due.person] += due.amount
    return sum(cents > 0 for cents in by_person.values())


def _write_lines(sheets: Iterable[PaySheet], lines: Mapping[str, Lines], villages: Villages) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        for sheet in sheets:
            for number, (for_month, due) in enumerate(lines[sheet.path], start=1):
                flags = json.dumps(pay_facts.flags_of(due.items), separators=(",", ":"))
                yield (
                    sheet.pk, number, villages.paths[due.village], due.village, due.person, due.posting, due.group,
                    for_month.isoformat(), flags, due.uplift, due.performance, due.amount, due.note, "open", None, "",
                )  # fmt: skip

    insert_rows(PayLine, COLUMNS, rows())


# --- Signing, approving, returning ----------------------------------------------------------


def locked_sheet(sheet: PaySheet, version: int) -> PaySheet:
    """The sheet, locked for what follows. Raises Conflict when it is not the one that was read."""
    found = PaySheet.objects.select_for_update(of=("self",)).select_related("unit").get(pk=sheet.pk)
    if found.version != version:
        raise Conflict
    return found


def require_state(sheet: PaySheet, wanted: str, sentence: str) -> None:
    if sheet.state != wanted:
        raise ValidationError(sentence, "wrong_state")


def moved(sheet: PaySheet, state: str, names: Collection[str], event: str, by: User, reason: str = "") -> None:
    """Writes the step with its event."""
    before, sheet.state = sheet.state, state
    sheet.version += 1
    sheet.save(update_fields=["state", "version", *names])
    changes = {"state": [before, state], "cents": sheet.total_cents, "people": sheet.people, "month": sheet.month}
    audit.record_many([_event(event, sheet, by, changes, reason)])


@transaction.atomic
def sign_sheet(sheet: PaySheet, *, version: int, by: User, now: datetime) -> PaySheet:
    """The township's signature. Raises Conflict, ValidationError "wrong_state", PermissionDenied for the preparer."""
    sheet = locked_sheet(sheet, version)
    require_state(sheet, State.DRAFT, _("Only a draft is signed. Reload the page to see its state."))
    if sheet.prepared_by_id == by.pk:
        raise PermissionDenied(_("You prepared this sheet, so somebody else signs it."))
    sheet.signed_by, sheet.signed_at = by, now
    moved(sheet, State.SIGNED, ["signed_by", "signed_at"], "assessments.sign_paysheet", by)
    return sheet


@transaction.atomic
def approve_sheets(versions: Mapping[int, int], *, by: User, now: datetime) -> list[PaySheet]:
    """Approves the sheets with these keys as they were read (key -> version): all or none.

    Raises Conflict, ValidationError "nothing_chosen", "wrong_state", PermissionDenied for who prepared or signed one.
    """
    if not versions:
        raise ValidationError(_("Choose at least one sheet."), "nothing_chosen")
    rows = PaySheet.objects.filter(pk__in=list(versions)).select_related("unit")
    sheets = list(_locked(rows))
    if len(sheets) != len(versions) or any(sheet.version != versions[sheet.pk] for sheet in sheets):
        raise Conflict
    for sheet in sheets:
        require_state(sheet, State.SIGNED, _("%(sheet)s is not signed by its township.") % {"sheet": sheet})
        if by.pk in (sheet.prepared_by_id, sheet.signed_by_id):
            raise PermissionDenied(_("Who prepared or signed a sheet does not approve it."))
        sheet.approved_by, sheet.approved_at = by, now
        moved(sheet, State.APPROVED, ["approved_by", "approved_at"], "assessments.approve_paysheet", by)
    return sheets


@transaction.atomic
def return_sheet(sheet: PaySheet, reason: str, *, version: int, by: User) -> PaySheet:
    """Back to a draft, which loses its signatures and can be prepared anew; a draft is returned instead of signed.

    Raises Conflict, ValidationError "no_reason", "wrong_state" once it is with the finance office.
    """
    reason = reason.strip()[:MAX_REASON]
    if not reason:
        raise ValidationError(_("Please say what has to be put right."), "no_reason")
    sheet = locked_sheet(sheet, version)
    if sheet.state in pay_facts.LOCKED:
        sentence = _("The finance office has this sheet. What is wrong is put right by a difference in the next one.")
        raise ValidationError(sentence, "wrong_state")
    sheet.signed_by = sheet.signed_at = sheet.approved_by = sheet.approved_at = None
    sheet.returned_reason = reason
    names = ["signed_by", "signed_at", "approved_by", "approved_at", "returned_reason"]
    moved(sheet, State.DRAFT, names, "assessments.return_paysheet", by, reason)
    return sheet


def checksum_of(lines: Iterable[PayLine]) -> str:
    """Over everything that is paid, line by line; what is reported of the payment later does not change it."""
    digest = hashlib.sha256()
    for line in lines:
        facts = [
            line.number, line.person_id, line.village_id, line.for_month.isoformat(), line.role_group, line.flags,
            line.uplift_cents, line.performance_cents, line.amount_cents, line.note,
        ]  # fmt: skip
        digest.update(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()

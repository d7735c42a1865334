"""The chain over the audit trail, and what verifying it can find.

Each committed event becomes a link: an HMAC over the previous digest, the position, the event's
id and code. The newest link, the head, is also written to a file outside the database. Sealing
is done each minute by the ticker and never inside a business transaction: one lock would queue
every writer behind the longest import. Links are made in the order in which events become
visible, so an event of a long transaction is sealed late and nothing is left out.
Rule: docs/audit.md.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts import append_only, audit
from accounts.jobs import JobRun
from accounts.models import AuditEvent, AuditSeal, Lease, User

logger = logging.getLogger(__name__)

START = "0" * 64
LEASE_NAME = "audit sealer"
BATCH = 2000
AT_ONCE = 20_000
"""Links made in one run, so that a large import does not hold the sealer's transaction for long."""
WINDOW = 50_000
"""How many ids behind the greatest sealed one an event of a long transaction is still looked for."""


@dataclass(frozen=True)
class Head:
    """The newest link as it was when it was made. `event_id` is the greatest id among all sealed events."""

    position: int
    digest: str
    event_id: int
    sealed_at: str


@dataclass(frozen=True)
class Problem:
    """Something that the chain does not explain.

    `kind` is a key of `event_words.PROBLEMS`; `event_id` is 0 if no single event is meant.
    """

    kind: str
    event_id: int
    detail: str


VERIFY_JOB = "accounts.verify_audit"


@dataclass(frozen=True)
class Verification:
    events: int
    sealed: int
    problems: tuple[Problem, ...]
    head: Head | None

    @property
    def is_intact(self) -> bool:
        return not self.problems


# --- The head file ------------------------------------------------------------------------


def head_path() -> Path:
    return Path(settings.AUDIT_HEAD_FILE)


def read_head() -> Head | None:
    """The head as last written; None before the first sealing. ValueError: the file is damaged."""
    try:
        text = head_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Head(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{head_path().name} is damaged") from error


def _write_head(head: Head) -> None:
    """Replaces the file in one step, so that a power cut leaves the old or the new one."""
    path = head_path()
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(head), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


# --- Sealing ------------------------------------------------------------------------------


def seal(now: datetime) -> int:
    """Chains the committed events that are not yet part of the chain. Returns how many.

    Nothing is sealed on top of a chain that does not fit the head file: an older database was put
    in place, or links were cut off. That is recorded once and stays so until an auditor accepts the
    present state (`accept_present_state`). A row without a fitting code is left out and reported
    by `verify`.
    """
    with transaction.atomic():
        Lease.objects.get_or_create(name=LEASE_NAME)
        lease = Lease.objects.select_for_update().get(name=LEASE_NAME)
        last = AuditSeal.objects.order_by("-position").first()
        if misfit := _misfit(last):
            _record_misfit(lease, misfit)
            return 0
        links = _links(last, now)
        AuditSeal.objects.bulk_create(links, batch_size=BATCH)
    if links:
        _write_head(_head_of(links[-1]))
    return len(links)


def _links(last: AuditSeal | None, now: datetime) -> list[AuditSeal]:
    position, digest = (last.position, last.digest) if last else (0, START)
    links = []
    for event in _unsealed().order_by("pk")[:AT_ONCE].iterator(chunk_size=BATCH):
        if event.code != audit.code_of(event):
            logger.error("audit event %s was not written by the portal and is not sealed", event.pk)
            continue
        position += 1
        digest = _digest(digest, position, event.pk, event.code)
        links.append(
            AuditSeal(position=position, event_id=event.pk, event_code=event.code, digest=digest, sealed_at=now)
        )
    return links


def _unsealed() -> QuerySet[AuditEvent]:
    """Events without a link. Older ones than WINDOW are not asked for: the question would read the whole trail."""
    return AuditEvent.objects.filter(pk__gt=_greatest_sealed() - WINDOW).exclude(
        Exists(AuditSeal.objects.filter(event_id=OuterRef("pk")))
    )


def _greatest_sealed() -> int:
    return AuditSeal.objects.aggregate(greatest=Max("event_id"))["greatest"] or 0


def _digest(previous: str, position: int, event_id: int, event_code: str) -> str:
    return audit.keyed("link", f"{previous}\n{position}\n{event_id}\n{event_code}")


def _head_of(link: AuditSeal) -> Head:
    return Head(link.position, link.digest, _greatest_sealed(), link.sealed_at.isoformat())


def _misfit(last: AuditSeal | None) -> str:
    """Why the chain in the database is not the one the head file knows; empty when it is.

    A chain longer than the file is the one whose process was stopped between both writes.
    """
    try:
        head = read_head()
    except ValueError as error:
        return str(error)
    if head is None:
        return "" if last is None else "the head file is gone"
    if last is None or last.position < head.position:
        return f"the chain ends at {last.position if last else 0}, the head file knows {head.position}"
    at_head = AuditSeal.objects.filter(position=head.position, digest=head.digest)
    return "" if at_head.exists() else f"link {head.position} is not the one the head file knows"


def _record_misfit(lease: Lease, misfit: str) -> None:
    logger.error("audit chain: %s; nothing is sealed until it is accepted", misfit)
    if lease.state.get("misfit") == misfit:
        return
    lease.state["misfit"] = misfit
    lease.save(update_fields=["state"])
    audit.record("audit.chain_misfit", actor=None, outcome="refused", changes={"found": misfit})


def accept_present_state(*, by: User | None, reason: str, now: datetime) -> int:
    """Goes on from the chain as it stands, for instance after a restore. Returns how many events were sealed.

    What the file knew is kept beside it and recorded as an event. ValidationError: nothing to accept.
    """
    misfit = _misfit(AuditSeal.objects.order_by("-position").first())
    if not misfit:
        raise ValidationError(_("The chain fits the head file; there is nothing to accept."), code="fits")
    path = head_path()
    former = path.read_text(encoding="utf-8") if path.exists() else ""
    with transaction.atomic():
        audit.record(
            "audit.accept_state", actor=by, changes={"found": misfit, "former_head": former[:400]}, reason=reason
        )
        Lease.objects.filter(name=LEASE_NAME).update(state={})
    if path.exists():
        path.replace(path.with_name(f"{path.stem}-{now:%Y%m%dT%H%M%S}{path.suffix}"))
    last = AuditSeal.objects.order_by("-position").first()
    if last is not None:
        _write_head(_head_of(last))
    return seal(now)


# --- Verifying ----------------------------------------------------------------------------


def verify() -> Verification:
    """Reads the whole trail and names what does not fit. Events of the last minutes may not be sealed yet."""
    problems = [Problem("open", 0, name) for name in append_only.missing_triggers(connection)]
    with transaction.atomic():
        chain = _Chain(problems)
        count = _check_events(chain, problems)
        _check_head(chain, problems)
    return Verification(count, len(chain.code_of), tuple(problems), chain.head)


def verify_and_record(*, by: User | None) -> Verification:
    """Verifies, and leaves an event that it was done and what it found."""
    found = verify()
    with transaction.atomic():
        audit.record(
            "audit.verify",
            actor=by,
            outcome="ok" if found.is_intact else "failed",
            changes={"events": found.events, "sealed": found.sealed, "problems": len(found.problems)},
        )
    return found


def verify_as_job(run: JobRun) -> dict[str, Any]:
    """For the auditor's page: the first hundred problems are enough to know where to look."""
    found = verify_and_record(by=run.by)
    return {
        "events": found.events,
        "sealed": found.sealed,
        "problem_count": len(found.problems),
        "problems": [asdict(problem) for problem in found.problems[:100]],
    }


@dataclass(frozen=True)
class ChainState:
    """What the auditor compares with the note made last time."""

    events: int
    sealed: int
    digest: str
    sealed_at: datetime | None
    head: Head | None
    misfit: str


def chain_state() -> ChainState:
    last = AuditSeal.objects.order_by("-position").first()
    try:
        head = read_head()
    except ValueError:
        head = None
    return ChainState(
        events=AuditEvent.objects.count(),
        sealed=last.position if last else 0,
        digest=last.digest if last else "",
        sealed_at=last.sealed_at if last else None,
        head=head,
        misfit=_misfit(last),
    )


class _Chain:
    """The links as read: which code each event was sealed with, and whether the head file's link is among them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.head: Head | None = None
        head_problem = "the head file is gone"
        try:
            self.head = read_head()
        except ValueError as error:
            head_problem = str(error)
        self.code_of: dict[int, bytes] = {}
        self.last = 0
        self.has_head = False
        self._read(problems)
        if self.head is None and self.last:
            problems.append(Problem("link", 0, head_problem))

    def _read(self, problems: list[Problem]) -> None:
        """Goes through the links. After a break the next one is checked against the digest that is stored."""
        digest = START
        for link in AuditSeal.objects.order_by("position").iterator(chunk_size=BATCH):
            if link.position != self.last + 1:
                gap = f"links {self.last + 1} to {link.position - 1} are missing"
                problems.append(Problem("link", link.event_id, gap))
            elif link.digest != _digest(digest, link.position, link.event_id, link.event_code):
                problems.append(
                    Problem("link", link.event_id, f"link {link.position} does not follow from the one before")
                )
            self.last, digest = link.position, link.digest
            self.code_of[link.event_id] = bytes.fromhex(link.event_code)
            if self.head and (link.position, link.digest) == (self.head.position, self.head.digest):
                self.has_head = True

    @cached_property
    def owner_of(self) -> dict[bytes, int]:
        """Code -> the event that was sealed with it. Needed only when something is wrong, or not yet sealed."""
        return {code: event_id for event_id, code in self.code_of.items()}


def _check_events(chain: _Chain, problems: list[Problem]) -> int:
    """Compares each event with its own code and with its link. Returns how many there are."""
    seen: set[int] = set()
    greatest = max(chain.code_of, default=0)
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=BATCH):
        seen.add(event.pk)
        if problem := _problem_of(event, chain, greatest):
            problems.append(problem)
    problems += [
        Problem("removed", event_id, "sealed, and not in the trail any more")
        for event_id in sorted(chain.code_of.keys() - seen)
    ]
    return len(seen)


def _problem_of(event: AuditEvent, chain: _Chain, greatest: int) -> Problem | None:
    sealed = chain.code_of.get(event.pk)
    if event.code != audit.code_of(event):
        return Problem("altered" if sealed else "inserted", event.pk, "its contents do not fit its code")
    code = bytes.fromhex(event.code)
    if sealed == code:
        return None
    owner = chain.owner_of.get(code)
    if sealed is not None:
        detail = f"holds what was sealed as event {owner}" if owner else "holds contents that were never sealed"
        return Problem("swapped", event.pk, detail)
    if owner is not None:
        return Problem("inserted", event.pk, f"a copy of event {owner}")
    if event.pk <= greatest - WINDOW:
        return Problem("unsealed", event.pk, "older than what is still sealed")
    return None


def _check_head(chain: _Chain, problems: list[Problem]) -> None:
    head = chain.head
    if head is None:
        return
    if chain.last < head.position:
        kind = "restored" if _is_older(chain, head) else "cut"
        lost = f"the chain ends at link {chain.last}; on {head.sealed_at} it had {head.position}"
        problems.append(Problem(kind, 0, lost))
    elif not chain.has_head:
        other = f"link {head.position} is not the one made on {head.sealed_at}"
        problems.append(Problem("restored", 0, other))


def _is_older(chain: _Chain, head: Head) -> bool:
    """Whether the whole database is from before the head, not only the trail in it cut off.

    The counter of ids never goes back by itself. So in an older database it has not reached the
    lost events, or it has given their ids a second time, after the head was made.
    """
    given_again = AuditEvent.objects.filter(
        pk__gt=max(chain.code_of, default=0), pk__lte=head.event_id, at__gt=datetime.fromisoformat(head.sealed_at)
    )
    return _greatest_id_given() < head.event_id or given_again.exists()


def _greatest_id_given() -> int:
    """The greatest id that the table of events has ever given out in this database."""
    table = AuditEvent._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        else:
            cursor.execute("SELECT last_value FROM pg_sequences WHERE sequencename = %s", [f"{table}_id_seq"])
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row[0] or 0 if row else 0

"""What every step of an application stands on: the rows locked in the right of who moves them, the table of
states asked, the step kept, its event written. Many rows cost as many queries as one, but for batches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, bulk
from accounts.models import User
from assessments import flags
from assessments.flags import Scorer, Verb
from assessments.models import FlagApplication, FlagCriterion, FlagRevocation, FlagRound, FlagStep
from assessments.rules import to_hundredths

State = FlagApplication.State
IDS = 5_000
"""Keys asked for in one query."""
MAX_TEXT = 500

Points = Mapping[str, int | bool | None]
"""Code of a criterion -> points in hundredths, or whether a gate is met."""
Line = dict[str, Any]

OWN_APPLICATION = {
    Verb.REVIEW: gettext_lazy("Who applied does not review: another account of the township does."),
    Verb.RECHECK: gettext_lazy("Who applied or reviewed for the township does not recheck: the lead department does."),
    Verb.GRANT: gettext_lazy("Who applied or rechecked does not decide: another account of the county office does."),
}


def portions(ids: Iterable[int]) -> Iterator[list[int]]:
    """Keys in their order, so many as one query takes."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), IDS):
        yield ordered[start : start + IDS]


def locked(
    by: User, actions: Sequence[str], ids: Collection[int], versions: Mapping[int, int] | None = None
) -> list[FlagApplication]:
    """The applications, locked, in the order of their keys, if `by` may do one of `actions` to each.

    Raises PermissionDenied for rows outside the right, ValidationError "changed_meanwhile" where a
    version differs from the one that was read.
    """
    rows: list[FlagApplication] = []
    for part in portions(ids):
        allowed = reduce(or_, (FlagApplication.objects.for_user(by, action) for action in actions))
        rows += (
            allowed.filter(pk__in=part)
            .select_for_update(of=("self",))
            .select_related("round", "category", "village")
            .order_by("pk")
        )
    if len(rows) != len(set(ids)):
        raise PermissionDenied(_("Some of these applications are not yours to move."))
    for row in rows:
        if versions and versions.get(row.pk, row.version) != row.version:
            raise ValidationError(
                _("Somebody changed %(what)s meanwhile. Look at it again, then repeat your step.")
                % {"what": title_of(row)},
                "changed_meanwhile",
            )
    return rows


def title_of(row: FlagApplication) -> str:
    return f"{row.village.name} {row.category.name}"


def must_lead_on(row: FlagApplication, verb: Verb) -> str:
    """The next state. Raises ValidationError "wrong_state"."""
    following = flags.next_state(row.state, verb)
    if following is None:
        raise ValidationError(
            _("%(what)s: this step is not possible any more, the application is in the state “%(state)s”.")
            % {"what": title_of(row), "state": row.get_state_display()},
            "wrong_state",
        )
    return following


def must_be_open(row: FlagRound) -> None:
    if row.state != FlagRound.State.OPEN:
        raise ValidationError(_("The round %(name)s is not open.") % {"name": row.name}, "round_not_open")


def refuse_own(rows: Sequence[FlagApplication], by: User, verb: Verb, *others: str) -> None:
    """PermissionDenied for an application that `by` handed in at any time, or stands in one of the named fields."""
    mine = any(by.pk == getattr(row, f"{name}_id") for row in rows for name in ("applied_by", *others))
    if not mine:
        steps = FlagStep.objects.filter(by=by, state=State.APPLIED)
        mine = any(steps.filter(application__in=part).exists() for part in portions(row.pk for row in rows))
    if mine:
        raise PermissionDenied(str(OWN_APPLICATION[verb]))


def clean_text(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:MAX_TEXT]


def must_say(text: str, message: str, code: str) -> str:
    """The text, spaces made single. Raises ValidationError with `code` where there is none."""
    text = clean_text(text)
    if not text:
        raise ValidationError(message, code)
    return text


# --- Lines ------------------------------------------------------------------------------------


def criteria_of(rows: Iterable[FlagApplication]) -> dict[int, dict[str, FlagCriterion]]:
    """Category -> code -> criterion, in the order of the round's rules. One query."""
    found: dict[int, dict[str, FlagCriterion]] = {}
    for item in FlagCriterion.objects.filter(category__in={row.category_id for row in rows}):
        found.setdefault(item.category_id, {})[item.code] = item
    return found


def scorer(item: FlagCriterion, line: Mapping[str, Any]) -> Scorer:
    return flags.scorer_of(item.source, line.get("computed"))


def check_points(items: Mapping[str, FlagCriterion], given: Points) -> None:
    """ValidationError "criterion_unknown", "points_out_of_range", "gate_or_points"."""
    for code, value in given.items():
        item = items.get(code)
        if item is None:
            raise ValidationError(
                _("There is no criterion %(code)s in this flag.") % {"code": code}, "criterion_unknown"
            )
        if value is None:
            continue
        if item.is_gate != isinstance(value, bool):
            raise ValidationError(
                _("%(code)s: a gate is met or not, a criterion has points.") % {"code": code}, "gate_or_points"
            )
        if not item.is_gate and not 0 <= value <= to_hundredths(item.points):
            raise ValidationError(
                _("%(code)s: between 0 and %(most)s points.") % {"code": code, "most": f"{item.points.normalize():f}"},
                "points_out_of_range",
            )


def must_be_given(row: FlagApplication, items: Mapping[str, FlagCriterion], column: str, who: Scorer) -> None:
    """ValidationError "points_missing" naming what `who` has to give and has not."""
    missing = [
        items[line["code"]].name
        for line in row.lines
        if line.get(column) is None and scorer(items[line["code"]], line) is who
    ]
    if missing:
        raise ValidationError(
            _("%(what)s: not scored yet: %(names)s.") % {"what": title_of(row), "names": _(", ").join(missing)},
            "points_missing",
        )


def gate_codes(items: Mapping[str, FlagCriterion]) -> set[str]:
    return {code for code, item in items.items() if item.is_gate}


# --- Blocks -----------------------------------------------------------------------------------


def blocked_villages(row: FlagRound, village_ids: Collection[int], today: date) -> dict[int, FlagRevocation]:
    """Village -> the revocation that keeps it from flags of this round. One query."""
    rows = FlagRevocation.objects.filter(is_approved=True, path__startswith=row.path).exclude(
        blocks_until=None, blocks_open=False
    )
    wanted = set(village_ids)
    return {
        found.village_id: found
        for found in rows.order_by("pk")
        if found.village_id in wanted and blocks(found, row, today)
    }


def blocks(found: FlagRevocation, row: FlagRound, today: date) -> bool:
    if found.lifted_on is not None and found.lifted_on <= today:
        return False
    return flags.is_blocked(
        found.happened_on,
        found.blocks_until,
        is_open=found.blocks_open,
        today=today,
        first_on=row.first_on,
        last_on=row.last_on,
    )


# --- Writing ----------------------------------------------------------------------------------


class Moves:
    """Steps that are written together: the rows, their history, their events."""

    def __init__(self, event: str, by: User | None, now: datetime) -> None:
        self.event, self.by, self.now = event, by, now
        self._rows: list[FlagApplication] = []
        self._steps: list[FlagStep] = []
        self._entries: list[audit.Entry] = []

    def add(
        self, row: FlagApplication, state: str, *, note: str = "", with_lines: bool = False, **changes: Any
    ) -> None:
        """The row goes to `state`; `changes` stand in its event."""
        former, row.state = row.state, state
        row.version += 1
        self._rows.append(row)
        self.tell(row, former, note=note, with_lines=with_lines, **changes)

    def tell(
        self, row: FlagApplication, former: str, *, note: str = "", with_lines: bool = False, **changes: Any
    ) -> None:
        """Step and event of a row that is written already."""
        self._steps.append(
            FlagStep(
                application=row,
                at=self.now,
                by=self.by,
                former_state=former,
                state=row.state,
                note=note,
                lines=row.lines if with_lines else [],
            )
        )
        self._entries.append(
            audit.Entry(
                event=self.event,
                actor=self.by,
                target=row,
                unit=row.path,
                changes={"flag": row.code, "state": [former, row.state], **changes},
                reason=note,
            )
        )

    def write(self, *fields: str) -> list[FlagApplication]:
        """Stores the rows' `fields` beside state and version, then steps and events."""
        if self._rows:
            bulk.update_models(self._rows, ["state", "version", *fields])
        bulk.insert_models(self._steps)
        audit.record_many(self._entries)
        return self._rows

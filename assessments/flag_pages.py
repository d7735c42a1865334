"""What the pages of the flags show: lines in words, what waits for whom, points as people type them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.models import User
from assessments.flags import Scorer
from assessments.models import FlagApplication, FlagCriterion
from assessments.rules import in_language, points_text, to_hundredths
from assessments.services.flag_steps import scorer
from branches.scoping import scope_condition

State = FlagApplication.State
TONES: dict[str, tuple[str, str]] = {
    State.APPLIED: ("info", "send"),
    State.RETURNED: ("warn", "arrow-back-up"),
    State.WITHDRAWN: ("", "minus"),
    State.TOWNSHIP_REVIEWED: ("info", "clipboard-check"),
    State.DEPT_REVIEWED: ("info", "checks"),
    State.DECIDED: ("ok", "gavel"),
    State.PUBLIC_NOTICE: ("info", "speakerphone"),
    State.OBJECTION_HOLD: ("warn", "message-report"),
    State.AWARDED: ("ok", "flag"),
    State.REJECTED: ("", "circle-x"),
}
WAITS = (
    ("change", (State.RETURNED,)),
    ("review", (State.APPLIED,)),
    ("recheck", (State.TOWNSHIP_REVIEWED,)),
    ("decide", (State.DEPT_REVIEWED, State.DECIDED)),
)
"""Right -> states in which an application waits for who holds it."""
COLUMNS = ("self", "township", "checked")


def waiting_for(user: User) -> Q:
    """Applications of open rounds that wait for a step of this user."""
    found = Q(pk__in=[])
    for action, states in WAITS:
        condition = scope_condition(user, FlagApplication, action)
        if condition is not None:
            mine = condition & Q(state__in=states)
            found |= mine if action == "change" else mine & ~Q(applied_by=user)
    return found & Q(round__state="open")


def criterion_name(item: FlagCriterion) -> str:
    return in_language(item.name, item.name_en)


# --- Lines ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineRow:
    """A criterion of an application as the table shows it. `field` is what the reader may give, in which column."""

    item: FlagCriterion
    name: str
    who: str
    full: str
    value: str
    records: str
    cells: dict[str, str]
    reason: str
    is_changed: bool
    field: str = ""
    typed: str = ""
    typed_reason: str = ""
    is_required: bool = False
    input_name: str = ""

    @property
    def is_gate(self) -> bool:
        return bool(self.item.is_gate)


def line_rows(
    row: FlagApplication,
    items: Mapping[str, FlagCriterion],
    *,
    mode: str = "",
    posted: Mapping[str, str] | None = None,
    prefix: str = "p-",
) -> list[LineRow]:
    """The table of an application. `mode`: "resubmit", "review" or "recheck" for the fields of that step."""
    found = []
    for line in row.lines:
        item = items.get(line["code"])
        if item is None:
            continue
        who = scorer(item, line)
        base = line["computed"] if who is Scorer.SYSTEM else line["township"]
        field = _field(mode, who)
        found.append(
            LineRow(
                item=item,
                name=criterion_name(item),
                who=who_words(who),
                full="" if item.is_gate else points_text(to_hundredths(item.points)),
                value=line.get("value", ""),
                records=line.get("records", ""),
                cells={column: given_text(line.get(column)) for column in ("computed", *COLUMNS)},
                reason=line.get("reason", ""),
                is_changed=line.get("checked") is not None and base is not None and line["checked"] != base,
                field=field,
                typed=_typed(mode, line, who, (posted or {}).get(f"{prefix}{item.code}"), field),
                typed_reason=(posted or {}).get(f"reason-{item.code}", ""),
                is_required=who is Scorer.DEPARTMENT if mode == "recheck" else bool(field),
                input_name=f"{prefix}{item.code}",
            )
        )
    return found


def _field(mode: str, who: Scorer) -> str:
    if mode == "recheck":
        return "checked"
    if mode in {"resubmit", "review"} and who is Scorer.TOWNSHIP:
        return "self" if mode == "resubmit" else "township"
    return ""


def _typed(mode: str, line: Mapping[str, Any], who: Scorer, posted: str | None, field: str) -> str:
    if not field:
        return ""
    if posted is not None:
        return posted
    if mode != "recheck":
        return plain_text(line.get("self"))
    base = line["computed"] if who is Scorer.SYSTEM else line["township"] if who is Scorer.TOWNSHIP else None
    return plain_text(base)


def who_words(who: Scorer) -> str:
    return {
        Scorer.SYSTEM: _("system"),
        Scorer.TOWNSHIP: _("township"),
        Scorer.DEPARTMENT: _("lead department"),
    }[who]


def given_text(value: int | bool | None) -> str:
    """Points, or whether a gate is met, in words; a dash where nobody said."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return pgettext("gate", "met") if value else _("not met")
    return points_text(value)


def plain_text(value: int | bool | None) -> str:
    """As it stands in a field: 14.5, yes, no."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return points_text(value)


def parse_points(posted: Mapping[str, str], items: Iterable[FlagCriterion], prefix: str = "p-") -> dict[str, Any]:
    """Code -> points in hundredths, or whether a gate is met, of the fields that are filled.

    ValidationError "not_a_number" naming the criterion.
    """
    found: dict[str, Any] = {}
    for item in items:
        typed = posted.get(f"{prefix}{item.code}", "").strip().replace("．", ".").replace("，", ".")
        if not typed:
            continue
        if item.is_gate:
            found[item.code] = typed == "yes"
            continue
        found[item.code] = _hundredths(typed, item)
    return found


def _hundredths(typed: str, item: FlagCriterion) -> int:
    try:
        value = Decimal(typed)
        if not value.is_finite() or value != value.quantize(Decimal("0.01")):
            raise InvalidOperation
    except InvalidOperation as error:
        raise ValidationError(
            _("%(name)s: “%(typed)s” is no number of points with at most two decimals.")
            % {"name": criterion_name(item), "typed": typed[:20]},
            "not_a_number",
        ) from error
    return int(value.scaleb(2))


def gate_names(row: FlagApplication, items: Mapping[str, FlagCriterion]) -> list[str]:
    return [criterion_name(items[code]) for code in row.gates_failed if code in items]


def decimal_of(hundredths: int | None) -> Decimal | None:
    return None if hundredths is None else Decimal(hundredths).scaleb(-2)


# --- Days -------------------------------------------------------------------------------------


def is_ended(row: FlagApplication, today: date) -> bool:
    """Whether the notice is over, so that the flag can be prepared."""
    return row.notice_to is not None and row.notice_to < today

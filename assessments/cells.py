"""One cell of the month: what people type into it, what is stored, and what looks wrong.

Plain values only, no database and no clock. Pages, API and imports share these rules; the
script of the grid (static/js/grid-cells.js) follows them with the limits and sentences of
`page_rules`, and one table of cases is run against both (tests/assessments/cell_cases.json).
Numbers are whole 1/10 000. Rule: docs/guide/monthly-entry.md, "What is checked".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from assessments.rules import SCALE, CellSpec, in_language, to_scaled

Stored = int | list[Any] | None
"""A cell as `VillageMonth.values` keeps it; None is "not yet", where the key is missing."""


class State(StrEnum):
    """The five states of a value (handbook 9.4, product principle 3: missing is not zero)."""

    GIVEN = "given"
    NOT_YET = ""
    NOT_APPLICABLE = "not_applicable"
    EXEMPT = "exempt"
    LATE = "late"


DECIMALS = {"count": 0, "decimal": 4, "percent": 2, "score": 2, "points": 2}
WHOLE_DIGITS = 9
"""Digits before the point; with the scale the number still fits what a browser counts exactly."""

MAX_REASON = 200
UNUSUAL_PERCENT = 50
"""A change against last month above this share of it asks for a reason (a count, an amount)."""

UNUSUAL_LEAST = {"count": 5 * SCALE, "decimal": SCALE}
"""Smaller changes than this ask nothing: from 1 to 3 is no news."""

UNUSUAL_OF_FULL = 15
"""A score or a percentage asks for a reason when it moves by more than this share of its full scale."""

MIN_PEERS = 8
"""Below so many villages of one class there is no peer range."""

MESSAGES: dict[str, Promise] = {
    "not_a_number": _("“%(text)s” is not a number. Write digits, such as 12 or 12.5."),
    "not_whole": _("Whole numbers only; %(text)s has decimals."),
    "too_many_decimals": _("At most %(places)s decimals."),
    "too_large": _("At most %(digits)s digits before the point."),
    "below_minimum": _("%(value)s is below %(minimum)s."),
    "above_maximum": _("%(value)s is above %(maximum)s. Please check the figure."),
    "not_applicable_refused": _("“%(label)s” applies to every village. Write 0 if there was nothing."),
    "exempt_reason_missing": _("Say why this village is exempt; the reviewer reads it."),
    "reason_too_long": _("At most %(most)s characters."),
    "above_whole": _("%(label)s %(value)s, more than %(whole_label)s %(whole)s. Please check both cells."),
    "reason_required": _("Points given by hand need their reason; the reviewer reads it."),
    "unusual_change": _("%(change)s against last month (%(last)s). Please give the reason; the reviewer reads it."),
    "unusual_peers": _(
        "Similar villages had %(low)s to %(high)s last month. Please give the reason; the reviewer reads it."
    ),
    "whole_changed": _(
        "The records say %(known)s, here stands %(value)s. Please give the reason; the reviewer reads it."
    ),
    "returned": _("Returned by the reviewer. Correct the figure, or explain it."),
    "missing": _("Not filled in yet."),
}
REASONS = frozenset({"reason_required", "unusual_change", "unusual_peers", "whole_changed"})
"""Problems that a written reason settles. All others are errors."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell: a code of `MESSAGES` and the words that go into its sentence."""

    code: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, **params: str) -> Self:
        return cls(code, tuple(sorted(params.items())))

    @property
    def asks_reason(self) -> bool:
        return self.code in REASONS

    @property
    def message(self) -> str:
        return str(MESSAGES[self.code]) % dict(self.params)


class RefusedError(ValueError):
    """Raised for what cannot be stored at all; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Value:
    """A cell's value in one of the five states. `scaled` in 1/10 000, None unless given or late."""

    state: State = State.NOT_YET
    scaled: int | None = None
    reason: str = ""

    @classmethod
    def from_stored(cls, stored: Stored) -> Self:
        if stored is None:
            return cls()
        if isinstance(stored, int):
            return cls(State.GIVEN, stored)
        scaled, state, *reason = stored
        return cls(State(state), scaled, *reason)

    def stored(self) -> Stored:
        if self.state == State.NOT_YET:
            return None
        if self.state == State.GIVEN:
            return self.scaled
        return [self.scaled, str(self.state), *([self.reason] if self.state == State.EXEMPT else [])]

    @property
    def is_filled(self) -> bool:
        """Whether nothing more is to be entered here."""
        return self.state != State.NOT_YET


NOT_YET = Value()
NOT_APPLICABLE = Value(State.NOT_APPLICABLE)


# Reading what was typed

_INVISIBLE = "\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_SPACES = re.compile(f"[\t-\r\x1c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{_INVISIBLE}]+")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PUNCTUATION = str.maketrans("。｡．，、−–—―﹣", "...,,-----")
_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_NOTHING_TO_COUNT = re.compile(r"-+|/|不适用|无受理|n/?a", re.IGNORECASE)


def normalise(text: str) -> str:
    """What an input method or a spreadsheet wrote, as ASCII: full-width signs, 。 and ，, every kind of space."""
    return _SPACES.sub("", text.translate(_PUNCTUATION).translate(_FULL_WIDTH))


def parse(text: str, spec: CellSpec) -> Value:
    """The value that `text` means in this cell: a number, nothing yet, or (a dash, 不适用) not applicable.

    Raises RefusedError for what cannot be stored.
    """
    if text.isascii() and text.isdigit() and len(text) <= WHOLE_DIGITS:
        return Value(State.GIVEN, _in_range(int(text) * SCALE, spec))
    typed = normalise(text)
    if not typed:
        return NOT_YET
    if _NOTHING_TO_COUNT.fullmatch(typed):
        return not_applicable(spec)
    return Value(State.GIVEN, _number(_without_unit(typed, spec), text.strip(), spec))


def not_applicable(spec: CellSpec) -> Value:
    """Raises RefusedError where the scheme does not allow it."""
    if not spec.may_be_not_applicable:
        raise RefusedError(Problem.of("not_applicable_refused", label=label_of(spec)))
    return NOT_APPLICABLE


def exempt(reason: str) -> Value:
    """A value that a village need not give. Raises RefusedError without a reason."""
    return Value(State.EXEMPT, None, _checked_reason(reason, "exempt_reason_missing"))


def note(text: str) -> str:
    """The reason for an unusual value, trimmed; empty takes it back. Raises RefusedError when too long."""
    return _checked_reason(text) if text.strip() else ""


def _checked_reason(text: str, missing: str = "") -> str:
    text = " ".join(text.replace("\x00", "").split())
    if not text and missing:
        raise RefusedError(Problem.of(missing))
    if len(text) > MAX_REASON:
        raise RefusedError(Problem.of("reason_too_long", most=str(MAX_REASON)))
    return text


def suffixes(spec: CellSpec) -> list[str]:
    """Units that may stand behind the number, normalised, the longest first."""
    units = {normalise(spec.unit), normalise(spec.unit_en), "%" if spec.kind == "percent" else ""} - {""}
    return sorted(units, key=lambda unit: (-len(unit), unit))


def _without_unit(typed: str, spec: CellSpec) -> str:
    for suffix in suffixes(spec):
        if typed.endswith(suffix):
            return typed[: -len(suffix)]
    return typed


def _number(typed: str, original: str, spec: CellSpec) -> int:
    if _THOUSANDS.fullmatch(typed):
        typed = typed.replace(",", "")
    if not _NUMBER.fullmatch(typed):
        raise RefusedError(Problem.of("not_a_number", text=original[:20]))
    whole, _point, fraction = typed.lstrip("-").partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if len(whole) > WHOLE_DIGITS:
        raise RefusedError(Problem.of("too_large", digits=str(WHOLE_DIGITS)))
    _check_decimals(fraction, typed, spec)
    size = int(whole or "0") * SCALE + int((fraction + "0000")[:4])
    return _in_range(-size if typed.startswith("-") else size, spec)


def _check_decimals(fraction: str, typed: str, spec: CellSpec) -> None:
    places = DECIMALS[spec.kind]
    if fraction and not places:
        raise RefusedError(Problem.of("not_whole", text=typed))
    if len(fraction) > places:
        raise RefusedError(Problem.of("too_many_decimals", places=str(places)))


def _in_range(scaled: int, spec: CellSpec) -> int:
    if spec.minimum is not None and scaled < spec.minimum * SCALE:
        raise RefusedError(
            Problem.of("below_minimum", value=number_text(scaled), minimum=number_text(to_scaled(spec.minimum)))
        )
    if spec.maximum is not None and scaled > spec.maximum * SCALE:
        raise RefusedError(
            Problem.of("above_maximum", value=number_text(scaled), maximum=number_text(to_scaled(spec.maximum)))
        )
    return scaled


# Writing it again


def number_text(scaled: int) -> str:
    """A number without trailing zeros: 125000 -> "12.5"."""
    whole, fraction = divmod(abs(scaled), SCALE)
    text = f"{whole}.{fraction:04}".rstrip("0") if fraction else str(whole)
    return f"-{text}" if scaled < 0 else text


def text_of(value: Value) -> str:
    """The text that stands in the cell; `parse` gives the same value again. An exempt cell has none."""
    if value.scaled is not None:
        return number_text(value.scaled)
    return "—" if value.state == State.NOT_APPLICABLE else ""


def label_of(spec: CellSpec) -> str:
    return in_language(spec.label, spec.label_en)


def unit_of(spec: CellSpec) -> str:
    return in_language(spec.unit, spec.unit_en)


def measured(scaled: int, spec: CellSpec) -> str:
    """A number with its unit: `5 件`, `96.5%`."""
    unit = unit_of(spec)
    return f"{number_text(scaled)}%" if unit == "%" else f"{number_text(scaled)} {unit}".rstrip()


# What looks wrong


@dataclass(frozen=True, slots=True)
class PeerRange:
    """What villages of one class usually have in a cell, both bounds included."""

    low: int
    high: int


def peer_range(values: Iterable[int]) -> PeerRange | None:
    """Three quartile distances around the middle half (Tukey's outer fences), in whole numbers; None for too few."""
    ordered = sorted(values)
    count = len(ordered)
    if count < MIN_PEERS:
        return None
    first, third = ordered[count // 4], ordered[3 * count // 4]
    reach = 3 * (third - first)
    return PeerRange(max(first - reach, min(0, ordered[0])), third + reach)


@dataclass(frozen=True, slots=True)
class Context:
    """What a village's cell is compared with: last month, its peers, what the records say of a prefilled whole."""

    last: Value = NOT_YET
    peers: PeerRange | None = None
    known: int | None = None


def cell_problem(
    code: str, specs: Mapping[str, CellSpec], values: Mapping[str, Value], context: Context
) -> Problem | None:
    """The first thing wrong with a filled cell; errors come before what asks for a reason. None for an empty one."""
    spec, scaled = specs[code], values.get(code, NOT_YET).scaled
    if scaled is None:
        return None
    return _above_whole(spec, scaled, specs, values) or _unusual(spec, scaled, context)


def _above_whole(
    spec: CellSpec, scaled: int, specs: Mapping[str, CellSpec], values: Mapping[str, Value]
) -> Problem | None:
    whole_spec = specs.get(spec.at_most or "")
    if whole_spec is None:
        return None
    whole = values.get(whole_spec.code, NOT_YET).scaled
    if whole is None or scaled <= whole:
        return None
    return Problem.of(
        "above_whole",
        label=label_of(spec),
        value=measured(scaled, spec),
        whole_label=label_of(whole_spec),
        whole=measured(whole, whole_spec),
    )


def _unusual(spec: CellSpec, scaled: int, context: Context) -> Problem | None:
    if spec.needs_reason:
        return Problem.of("reason_required")
    if context.known is not None and scaled != context.known:
        return Problem.of("whole_changed", known=measured(context.known, spec), value=measured(scaled, spec))
    last = context.last.scaled
    if last is not None and is_unusual_change(spec, scaled, last):
        return Problem.of("unusual_change", change=change_text(spec, scaled, last), last=measured(last, spec))
    peers = context.peers
    if peers is not None and _is_far(spec, scaled, peers) and not (last is not None and _is_far(spec, last, peers)):
        return Problem.of("unusual_peers", low=number_text(peers.low), high=measured(peers.high, spec))
    return None


def least_change(spec: CellSpec) -> int:
    """The smallest distance that is worth a question."""
    if spec.kind in UNUSUAL_LEAST:
        return UNUSUAL_LEAST[spec.kind]
    full = to_scaled(spec.maximum) if spec.maximum is not None else 100 * SCALE
    return full * UNUSUAL_OF_FULL // 100


def is_unusual_change(spec: CellSpec, scaled: int, last: int) -> bool:
    change = abs(scaled - last)
    if spec.kind not in UNUSUAL_LEAST:
        return change > least_change(spec)
    return change >= least_change(spec) and 100 * change > UNUSUAL_PERCENT * abs(last)


def _is_far(spec: CellSpec, scaled: int, peers: PeerRange) -> bool:
    return max(peers.low - scaled, scaled - peers.high) >= least_change(spec)


def change_text(spec: CellSpec, scaled: int, last: int) -> str:
    """`+10 件`, `−20`: the difference, with its sign (U+2212) and unit."""
    change = scaled - last
    sign = "+" if change > 0 else "\u2212" if change < 0 else ""
    return f"{sign}{measured(abs(change), spec)}"


def change_percent(scaled: int, last: int, places: int = 0) -> str:
    """`+500%`, or `+16.7%` with one place, half up; empty where last month was 0."""
    if not last:
        return ""
    share = (abs(scaled - last) * 200 * 10**places + abs(last)) // (2 * abs(last))
    return f"{'+' if scaled >= last else chr(0x2212)}{Decimal(share).scaleb(-places)}%"


# The same for the page's script


def spec_data(spec: CellSpec) -> dict[str, Any]:
    """What the script needs to know of a cell."""
    return {
        "code": spec.code,
        "label": label_of(spec),
        "unit": unit_of(spec),
        "kind": spec.kind,
        "minimum": None if spec.minimum is None else to_scaled(spec.minimum),
        "maximum": None if spec.maximum is None else to_scaled(spec.maximum),
        "places": DECIMALS[spec.kind],
        "atMost": spec.at_most,
        "suffixes": suffixes(spec),
        "mayBeNotApplicable": spec.may_be_not_applicable,
        "needsReason": spec.needs_reason,
        "leastChange": least_change(spec),
        "byPercent": spec.kind in UNUSUAL_LEAST,
        "isSummed": spec.kind in UNUSUAL_LEAST,
    }


def page_rules() -> dict[str, Any]:
    """The limits and sentences that every cell shares."""
    return {
        "scale": SCALE,
        "wholeDigits": WHOLE_DIGITS,
        "maxReason": MAX_REASON,
        "unusualPercent": UNUSUAL_PERCENT,
        "reasons": sorted(REASONS),
        "messages": {code: str(message) for code, message in MESSAGES.items()},
    }


def total(values: Sequence[Value]) -> int:
    """Sum of what is given, in 1/10 000."""
    return sum(value.scaled for value in values if value.scaled is not None)

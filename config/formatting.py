"""How figures are written on pages. Values in, text out; no database, no request.

Rule: docs/ui-shell.md, "Formats". Rounding is half up on decimals; a float is refused, because a
printed total must be the sum of the printed lines.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import gettext as _

NO_DATA = "—"
MINUS = "\u2212"
YUAN_IN_WAN = Decimal(10_000)


def rounded(value: Decimal | int, places: int) -> Decimal:
    """The value with that many decimals, half up. TypeError for a float."""
    if isinstance(value, float):
        raise TypeError("A float has no exact decimals; pass a Decimal or an int.")
    return Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def figure(value: Decimal | int | None, places: int = 0) -> str:
    """`4,045.00`; a dash where there is no data. Zero is written 0, a negative with U+2212."""
    if value is None:
        return NO_DATA
    exact = rounded(value, places)
    return f"{exact:,f}".replace("-", MINUS) if exact else f"{abs(exact):,f}"


def plain_figure(value: Decimal | int | None) -> str:
    """The value as it was given, without trailing zeros after the point: `12`, `12.5`, `1,200`."""
    if value is None:
        return NO_DATA
    if isinstance(value, float):
        raise TypeError("A float has no exact decimals; pass a Decimal or an int.")
    text = f"{Decimal(value):,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def points(value: Decimal | int | None) -> str:
    """A score: two decimals."""
    return figure(value, 2)


def wan(yuan: Decimal | int | None) -> str:
    """An amount of yuan written in 万元 (ten thousand yuan), two decimals. The unit stands in the heading."""
    return NO_DATA if yuan is None else figure(Decimal(rounded(yuan, 2)) / YUAN_IN_WAN, 2)


def yuan(value: Decimal | int | None) -> str:
    """An amount of yuan without decimals, as pay is written."""
    return figure(value, 0)


def percent(value: Decimal | int | None, places: int = 1) -> str:
    """A share from 0 to 100: `79.0%`."""
    return NO_DATA if value is None else f"{figure(value, places)}%"


def signed(value: Decimal | int | None, places: int = 2) -> str:
    """A difference: `+1.85`, `−2.40`, or the word for no change."""
    if value is None:
        return NO_DATA
    exact = rounded(value, places)
    if not exact:
        return _("no change")
    return f"+{figure(exact, places)}" if exact > 0 else figure(exact, places)


def change_percent(now: Decimal | int | None, before: Decimal | int | None) -> str:
    """Relative change, one decimal: `+16.7%`; a dash when either is missing or `before` is 0."""
    if now is None or not before:
        return NO_DATA
    for value in (now, before):
        if isinstance(value, float):
            raise TypeError("A float has no exact decimals; pass a Decimal or an int.")
    share = (Decimal(now) - Decimal(before)) * 100 / abs(Decimal(before))
    text = signed(share, 1)
    return f"{text}%" if rounded(share, 1) else text


def month_code(month: date | None) -> str:
    """`2026-10`, as in addresses and file names."""
    return NO_DATA if month is None else f"{month:%Y-%m}"

"""Amounts as people type them: funds in 万元 with at most four decimals, kept as yuan (handbook 10.4)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

YUAN_IN_WAN = Decimal(10_000)
WAN_DECIMALS = Decimal("0.0001")
MOST_WAN = Decimal(10) ** 10


def yuan_of(text: str) -> Decimal:
    """Yuan of an amount typed in 万元; commas and full-width digits are understood.

    Raises ValidationError "not_a_number" or "too_exact".
    """
    plain = text.strip().replace(",", "").replace("\uff0c", "").replace("\uff0e", ".")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= MOST_WAN:
        raise ValidationError(_("Enter an amount in ten thousand yuan, such as 12.5."), "not_a_number")
    if amount != amount.quantize(WAN_DECIMALS):
        raise ValidationError(_("At most four decimals: that is one yuan."), "too_exact")
    return amount * YUAN_IN_WAN


def wan_text(yuan: Decimal | None) -> str:
    """As somebody would have typed it; empty without an amount."""
    return "" if yuan is None else f"{(yuan / YUAN_IN_WAN).normalize():f}"


class WanField(forms.CharField):
    """An amount in 万元; its value is yuan, or None where nothing was typed."""

    def __init__(self, **kwargs: object) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "is-num"})
        super().__init__(widget=widget, **kwargs)  # type: ignore[arg-type]

    def to_python(self, value: object) -> Decimal | None:  # type: ignore[override]
        if isinstance(value, Decimal):
            # The stored amount of a field that is shown and not typed.
            return value
        text = super().to_python(value)
        return yuan_of(text) if text else None

    def prepare_value(self, value: object) -> object:
        return wan_text(value) if isinstance(value, Decimal) else value

"""Months in addresses."""

from __future__ import annotations

from datetime import date


class MonthConverter:
    """`2026-10` in an address is the date of the first day of the month."""

    regex = "(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])"

    def to_python(self, value: str) -> date:
        return date(int(value[:4]), int(value[5:]), 1)

    def to_url(self, value: date) -> str:
        return f"{value:%Y-%m}"

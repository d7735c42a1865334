"""Spans of months. A month is the date of its first day."""

from __future__ import annotations

from datetime import date, timedelta


def after(month: date) -> date:
    """First day of the month after."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def first_of_window(month: date, months: int) -> date:
    """First day of the span of `months` months that ends with `month`."""
    number = month.year * 12 + month.month - months
    return date(number // 12, number % 12 + 1, 1)

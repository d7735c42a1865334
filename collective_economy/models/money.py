"""The one kind of field in which amounts are kept."""

from __future__ import annotations

from typing import Any

from django.db import models

WHOLE_DIGITS, DECIMALS = 16, 2


def yuan(label: Any, **options: Any) -> models.DecimalField[Any, Any]:
    """An amount in yuan with cents (handbook 10.4)."""
    return models.DecimalField(label, max_digits=WHOLE_DIGITS, decimal_places=DECIMALS, **options)

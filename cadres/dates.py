"""A date of which year, month or day may be unknown, as a column (handbook 8.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from imports.dates import PartialDate

if TYPE_CHECKING:
    TextColumn = models.CharField[PartialDate | str | None, PartialDate | None]
else:
    TextColumn = models.CharField


class PartialDateField(TextColumn):
    """Stores 1975, 1975-03 or 1975-03-12, which sorts by the first day it may mean."""

    default_error_messages = {"invalid": _("Write the date as 1975, 1975-03 or 1975-03-12.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(max_length=10, null=True, blank=True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for given in ("max_length", "null", "blank"):
            del kwargs[given]
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, *_places: Any) -> PartialDate | None:
        return None if value is None else PartialDate.parse(value)

    def to_python(self, value: Any) -> PartialDate | None:
        if value is None or value == "" or isinstance(value, PartialDate):
            return value or None
        try:
            return PartialDate.parse(str(value))
        except ValueError as error:
            raise ValidationError(self.error_messages["invalid"], "invalid") from error

    def run_validators(self, value: Any) -> None:
        """They look at the length, which is that of the text."""
        super().run_validators(self.get_prep_value(value))

    def get_prep_value(self, value: Any) -> str | None:
        return None if value in (None, "") else str(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj) or "")

"""Conditions above the overview of the collective economy and above the risk flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from branches.record_forms import PlaceFilter
from collective_economy.risks import KINDS

if TYPE_CHECKING:
    from accounts.models import User

SEE = "collective_economy.view_project"
YEARS = range(2000, 2101)


class RiskFilter(PlaceFilter):
    kind = forms.ChoiceField(label=_("Kind"), required=False)

    def __init__(self, data: Any, *, user: User, kinds: Sequence[str]) -> None:
        super().__init__(data, user=user, permission=SEE)
        self.fields["kind"].choices = [("", _("all")), *((code, KINDS[code].label) for code in kinds)]  # type: ignore[attr-defined]

    @property
    def path(self) -> str:
        """Path of the place chosen, empty for everything in sight."""
        chosen = [self.cleaned_data.get(name) for name in ("township", "village")] if self.is_valid() else []
        return max((place.path for place in chosen if place is not None), key=len, default="")

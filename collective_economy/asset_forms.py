"""Forms of asset cards and the conditions above their list."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from branches.forms import DayField
from branches.models import Unit
from branches.record_forms import PlaceFilter, VillageChoice
from branches.versions import VersionedFormMixin
from collective_economy.contract_forms import ProjectNumberMixin, villages_for
from collective_economy.ledger_forms import YuanField
from collective_economy.models import Asset, Contract
from collective_economy.services.assets import FIELDS

if TYPE_CHECKING:
    from accounts.models import User

STATES = [(state.value, state.label) for state in Asset.State if state != Asset.State.DISPOSED]


class AssetForm(ProjectNumberMixin, VersionedFormMixin, forms.ModelForm):
    """A card. The village is chosen once and stays."""

    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    value = YuanField(label=_("value (yuan)"))
    registered_on = DayField(label=_("registered on"))
    state = forms.ChoiceField(label=_("state"), choices=STATES)
    contract_number = forms.CharField(
        label=_("number of the contract of use"),
        max_length=40,
        required=False,
        help_text=_("If it is leased out or given in use by a contract of the village."),
    )

    class Meta:
        model = Asset
        fields = ("unit", "number", "name", "kind", "quantity", "measure", "location", "owner", "user")
        widgets = {"quantity": forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})}

    field_order = (
        "unit", "number", "name", "kind", "state", "value", "registered_on", "quantity", "measure", "location", "owner",
        "user", "project_number", "contract_number",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"].required = False
        if not self.instance.pk:
            self.fields["unit"].queryset = villages_for(user, "collective_economy.add_asset")  # type: ignore[attr-defined]
            return
        del self.fields["unit"]
        for name in ("value", "registered_on", "state"):
            self.initial[name] = getattr(self.instance, name)
        self.initial["project_number"] = self.instance.project.number if self.instance.project else ""
        self.initial["contract_number"] = self.instance.contract.number if self.instance.contract else ""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        number = (self.cleaned_data.get("contract_number") or "").strip()
        village = self.cleaned_data.get("unit") or (self.instance.unit if self.instance.pk else None)
        self.cleaned_data["contract"] = None
        if number and village is not None:
            found = Contract.objects.filter(unit=village, number=number).first()
            if found is None:
                words = _("The village has no contract with this number.")
                self.add_error("contract_number", ValidationError(words, "other_contract"))
            self.cleaned_data["contract"] = found
        return cleaned

    def _post_clean(self) -> None:
        """The service checks the row."""

    def values(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[name] for name in FIELDS}
        return given | {"quantity": given["quantity"] if given["quantity"] is not None else Decimal(1)}


class CheckForm(forms.Form):
    on = DayField(label=_("looked at on"))
    state = forms.ChoiceField(label=_("state"), choices=STATES)
    note = forms.CharField(label=_("note"), max_length=200, required=False)


class DisposalForm(forms.Form):
    on = DayField(label=_("disposed of on"))
    reason = forms.CharField(
        label=_("reason"), max_length=200, help_text=_("Sold, written off or lost, with the number of the decision.")
    )


class AssetFilter(PlaceFilter):
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *Asset.Kind.choices])
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("all")), *Asset.State.choices])
    q = forms.CharField(label=_("Number or name begins with"), required=False, max_length=40)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="collective_economy.view_asset")

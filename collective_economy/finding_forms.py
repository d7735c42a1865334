"""Forms of audit findings and the conditions above their list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from branches.forms import DayField
from branches.models import Unit
from branches.record_forms import PlaceFilter, VillageChoice
from branches.versions import VersionedFormMixin
from collective_economy.contract_forms import ProjectNumberMixin, villages_for
from collective_economy.ledger_forms import YuanField
from collective_economy.models import AuditFinding
from collective_economy.services.findings import FIELDS

if TYPE_CHECKING:
    from accounts.models import User


class FindingForm(ProjectNumberMixin, VersionedFormMixin, forms.ModelForm):
    """What was found and what has to be done. The village is chosen once and stays."""

    unit = VillageChoice(Unit.objects.none(), label=_("village"), empty_label=_("Choose the village"))
    found_on = DayField(label=_("found on"))
    due_on = DayField(label=_("to be put right by"))
    amount = YuanField(label=_("amount (yuan)"), required=False, help_text=_("The money it is about, if any."))

    class Meta:
        model = AuditFinding
        fields = ("unit", "kind", "found_by", "document", "problem", "measure")
        widgets = {"problem": forms.Textarea(attrs={"rows": 3}), "measure": forms.Textarea(attrs={"rows": 3})}

    field_order = (
        "unit", "kind", "found_on", "due_on", "found_by", "document", "amount", "project_number", "problem", "measure",
    )  # fmt: skip
    wide = ("problem", "measure")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", "—"), *AuditFinding.Kind.choices]  # type: ignore[attr-defined]
        if not self.instance.pk:
            self.fields["unit"].queryset = villages_for(user, "collective_economy.add_auditfinding")  # type: ignore[attr-defined]
            return
        del self.fields["unit"]
        for name in ("found_on", "due_on", "amount"):
            self.initial[name] = getattr(self.instance, name)
        self.initial["project_number"] = self.instance.project.number if self.instance.project else ""

    def _post_clean(self) -> None:
        """The service checks the row."""

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS}


class EvidenceForm(forms.Form):
    evidence = forms.CharField(
        label=_("what was done, and by which papers it is proved"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Attach the papers below first: vouchers, receipts, minutes, photos."),
    )
    wide = ("evidence",)


class NoteForm(forms.Form):
    note = forms.CharField(
        label=_("what is missing"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}), help_text=""
    )
    wide = ("note",)


class MisuseForm(forms.Form):
    on = DayField(label=_("confirmed on"))
    document = forms.CharField(label=_("document of the investigation"), max_length=120)


class FindingFilter(PlaceFilter):
    STATES = (
        ("", _("all")),
        ("open", pgettext_lazy("problem", "open")),
        ("overdue", _("overdue")),
        ("handed_in", _("waits to be closed")),
        ("closed", pgettext_lazy("problem", "closed")),
    )

    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("all")), *AuditFinding.Kind.choices])
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data, user=user, permission="collective_economy.view_auditfinding")

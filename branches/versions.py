"""Two people on one row: whoever saves second is shown both values and chooses (optimistic `version`)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import F, Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent


class Conflict(Exception):
    """Somebody else saved the row after the caller had read it. Nothing was written."""


def has_version(model: type[Model]) -> bool:
    return any(field.name == "version" for field in model._meta.concrete_fields)


def claim_version(row: Model, base: int) -> None:
    """Count the row's version up, provided it still is `base`; else raise Conflict.

    Inside the caller's transaction: the update locks the row until what follows is written.
    """
    claimed = type(row)._base_manager.filter(pk=row.pk, version=base).update(version=F("version") + 1)
    if not claimed:
        raise Conflict
    row.version = base + 1  # type: ignore[attr-defined]


class VersionedFormMixin(forms.Form):
    """A form that carries the version its reader saw and refuses to overwrite a newer one.

    After a conflict each differing field shows the stored value beside the typed one, and
    saving again is the choice for the typed ones. Put it before ModelForm in the bases.
    """

    base_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        instance = getattr(self, "instance", None)
        if instance is None or instance.pk is None or not has_version(type(instance)):
            del self.fields["base_version"]
        else:
            self.initial["base_version"] = instance.version
            self.stored_version: int = instance.version

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if "base_version" in self.fields and self.cleaned_data.get("base_version") != self.stored_version:
            self._show_both_values()
        return cleaned

    def _show_both_values(self) -> None:
        for name in self.changed_data:
            if name in self.cleaned_data and name != "base_version":
                self.add_error(
                    name,
                    forms.ValidationError(_("Stored meanwhile: %(value)s"), "conflict", {"value": self._stored(name)}),
                )
        self.add_error(None, forms.ValidationError(self._conflict_sentence(), "conflict"))
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix("base_version")] = str(self.stored_version)
        self.data = data

    def _stored(self, name: str) -> Any:
        instance = self.instance  # type: ignore[attr-defined]
        words = getattr(instance, f"get_{name}_display", None)
        value = words() if words else getattr(instance, name, None)
        return _("(empty)") if value in (None, "") else value

    def _conflict_sentence(self) -> str:
        event = last_event(self.instance)  # type: ignore[attr-defined]
        choice = _("Save again to keep your values, or open the record anew to take the stored ones.")
        if event is None:
            return f"{_('This record was saved by somebody else while you were editing.')} {choice}"
        when = date_format(timezone.localtime(event.at), "m-d H:i")
        who = event.actor or _("The system")
        what = _("%(who)s saved this record at %(when)s while you were editing.") % {"who": who, "when": when}
        return f"{what} {choice}"


def events_of(row: Model) -> Any:
    """What happened to a row, newest first. The caller has asked whether the row is in the reader's scope."""
    return AuditEvent.objects.filter(target_type=row._meta.label_lower, target_id=str(row.pk)).select_related("actor")


def last_event(row: Model) -> AuditEvent | None:
    return events_of(row).first()

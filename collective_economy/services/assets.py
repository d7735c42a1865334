"""Asset cards of village collectives: what a project or purchase left behind, where it is and who uses it.

A card is never deleted: what is gone is disposed of, with the reason. Rule: docs/guide/contracts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from branches.versions import claim_version
from collective_economy.models import Asset

FIELDS = (
    "number", "name", "kind", "quantity", "measure", "value", "location", "owner", "user", "state", "registered_on",
    "project", "contract",
)  # fmt: skip
DEFAULTS: Mapping[str, Any] = {
    "quantity": Decimal(1), "measure": "", "location": "", "user": "", "state": Asset.State.IN_USE, "project": None,
    "contract": None,
}  # fmt: skip
MOST = {"value": Decimal(10) ** 14, "quantity": Decimal(10) ** 10}


@transaction.atomic
def register_asset(*, unit: Unit, values: Mapping[str, Any], by: User, today: date) -> Asset:
    """A card with these FIELDS; what DEFAULTS has may be left out.

    Raises ValidationError, by field: "not_a_village", "no_number", "number_taken", "no_name", "no_owner",
    "wrong_amount", "in_the_future", "other_project", "other_contract", "disposed".
    """
    Unit.objects.select_for_update().get(pk=unit.pk)
    asset = Asset(unit=unit, path=unit.path, entered_by=by)
    _fill(asset, {**DEFAULTS, **values}, today)
    asset.save()
    changes = {name: [None, value] for name, value in _told(asset).items() if value not in ("", None)}
    audit.record("collective_economy.add_asset", actor=by, target=asset, unit=asset.path, changes=changes)
    return asset


@transaction.atomic
def change_asset(asset: Asset, *, values: Mapping[str, Any], base: int, by: User, today: date) -> Asset:
    """The card with other values. Raises Conflict, and ValidationError as `register_asset`."""
    Unit.objects.select_for_update().get(pk=asset.unit_id)
    asset = _locked(asset)
    before = _told(asset)
    claim_version(asset, base)
    _fill(asset, {name: getattr(asset, name) for name in FIELDS} | dict(values), today)
    changes = audit.changes_between(before, _told(asset))
    if changes:
        asset.save(update_fields=list(FIELDS))
        audit.record("collective_economy.change_asset", actor=by, target=asset, unit=asset.path, changes=changes)
    return asset


@transaction.atomic
def check_asset(asset: Asset, *, on: date, state: str, note: str = "", by: User, today: date) -> Asset:
    """Somebody looked at it on a day and found it in this state. Raises ValidationError "disposed", "in_the_future",
    "before_check"."""
    asset = _locked(asset)
    if on > today:
        raise ValidationError({"on": ValidationError(_("This day lies in the future."), "in_the_future")})
    if on < (asset.checked_on or asset.registered_on):
        words = _("It was registered or checked later than that already.")
        raise ValidationError({"on": ValidationError(words, "before_check")})
    _refuse_disposed(state)
    before = {"checked_on": asset.checked_on, "state": asset.state}
    asset.checked_on, asset.state = on, state
    asset.version += 1
    asset.save(update_fields=["checked_on", "state", "version"])
    changes = audit.changes_between(before, {"checked_on": on, "state": state})
    audit.record(
        "collective_economy.check_asset", actor=by, target=asset, unit=asset.path, changes=changes, reason=note.strip()
    )
    return asset


@transaction.atomic
def dispose(asset: Asset, *, on: date, reason: str, by: User, today: date) -> Asset:
    """It is sold, written off or gone; the card stays to be seen. Raises ValidationError "disposed", "no_reason",
    "in_the_future"."""
    asset = _locked(asset)
    reason = reason.strip()
    if not reason:
        words = _("Write why it is disposed of, with the number of the decision.")
        raise ValidationError({"reason": ValidationError(words, "no_reason")})
    if on > today:
        raise ValidationError({"on": ValidationError(_("This day lies in the future."), "in_the_future")})
    before = {"state": asset.state, "checked_on": asset.checked_on}
    asset.state, asset.checked_on = Asset.State.DISPOSED, on
    asset.version += 1
    asset.save(update_fields=["state", "checked_on", "version"])
    changes = audit.changes_between(before, {"state": asset.state, "checked_on": on})
    audit.record(
        "collective_economy.dispose_asset", actor=by, target=asset, unit=asset.path, changes=changes, reason=reason
    )
    return asset


def _locked(asset: Asset) -> Asset:
    locked: Asset = (
        Asset.objects.select_for_update(of=("self",)).select_related("unit", "project", "contract").get(pk=asset.pk)
    )
    if locked.state == Asset.State.DISPOSED:
        raise ValidationError(_("This was disposed of; its card stays as it is."), "disposed")
    return locked


def _refuse_disposed(state: str) -> None:
    if state not in Asset.State.values or state == Asset.State.DISPOSED:
        words = _("Choose the state it is in. Disposing of it is a step of its own, with a reason.")
        raise ValidationError({"state": ValidationError(words, "disposed")})


def _fill(asset: Asset, values: Mapping[str, Any], today: date) -> None:
    for name in FIELDS:
        value = values[name]
        setattr(asset, name, value.strip() if isinstance(value, str) else value)
    errors = dict(_wrong(asset, today))
    if errors:
        raise ValidationError(errors)
    _refuse_disposed(asset.state)


def _wrong(asset: Asset, today: date) -> Iterable[tuple[str, ValidationError]]:
    if asset.unit.kind != Unit.Kind.VILLAGE:
        yield "unit", ValidationError(_("An asset belongs to a village."), "not_a_village")
    if not asset.number:
        yield "number", ValidationError(_("Enter the number of the card."), "no_number")
    elif Asset.objects.filter(unit=asset.unit, number=asset.number).exclude(pk=asset.pk).exists():
        yield "number", ValidationError(_("The village has a card with this number already."), "number_taken")
    if not asset.name:
        yield "name", ValidationError(_("Enter what the asset is."), "no_name")
    if not asset.owner:
        yield "owner", ValidationError(_("Enter whose it is."), "no_owner")
    if asset.kind not in Asset.Kind.values:
        yield "kind", ValidationError(_("Choose what kind of asset it is."), "no_kind")
    if not _is_figure("value", asset.value):
        yield "value", ValidationError(_("Enter yuan with at most two decimals, not below 0."), "wrong_amount")
    if not _is_figure("quantity", asset.quantity) or not asset.quantity:
        yield "quantity", ValidationError(_("Enter a quantity above 0 with at most two decimals."), "wrong_amount")
    if asset.registered_on > today:
        yield "registered_on", ValidationError(_("This day lies in the future."), "in_the_future")
    if asset.project and not asset.project.shares.filter(unit=asset.unit).exists():
        yield "project", ValidationError(_("This project is not one of the village."), "other_project")
    if asset.contract and asset.contract.unit_id != asset.unit_id:
        yield "contract", ValidationError(_("This contract is not one of the village."), "other_contract")


def _is_figure(name: str, amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount < MOST[name] and amount == amount.quantize(Decimal("0.01"))


def _told(asset: Asset) -> dict[str, Any]:
    told = {name: getattr(asset, name) for name in FIELDS if name not in ("project", "contract")}
    return told | {
        "project": asset.project.number if asset.project else "",
        "contract": asset.contract.number if asset.contract else "",
    }

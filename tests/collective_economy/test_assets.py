"""Asset cards: registered, changed, checked on the spot, disposed of with a reason and kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from branches.models import Unit
from branches.versions import Conflict
from collective_economy.models import Asset
from collective_economy.services import assets
from tests.collective_economy.ground import clerk, make_contract, make_project, village
from tests.collective_economy.test_contracts import codes_of

pytestmark = pytest.mark.django_db
TODAY = date(2026, 6, 15)
VALUES = {
    "number": "ZC-1", "name": "冷库", "kind": "building", "value": Decimal("350000.50"), "owner": "东一村集体经济组织",
    "registered_on": date(2026, 5, 1),
}  # fmt: skip


def register(unit: Unit | None = None, **values: Any) -> Asset:
    return assets.register_asset(unit=unit or village(), values=VALUES | values, by=clerk(), today=TODAY)


def test_a_card_is_registered(county: Unit) -> None:
    project, contract = make_project(), make_contract()
    asset = register(project=project, contract=contract, quantity=Decimal("320.5"), measure="平方米")
    stored = Asset.objects.get()
    assert (stored.path, stored.state, stored.value, stored.quantity) == (
        village().path, "in_use", Decimal("350000.50"), Decimal("320.50"),
    )  # fmt: skip
    assert (stored.project, stored.contract) == (project, contract)
    event = AuditEvent.objects.get(event="collective_economy.add_asset")
    assert (event.target_id, event.changes["contract"]) == (str(asset.pk), [None, contract.number])


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"number": ""}, {"number": ["no_number"]}),
        ({"name": " "}, {"name": ["no_name"]}),
        ({"owner": ""}, {"owner": ["no_owner"]}),
        ({"kind": "x"}, {"kind": ["no_kind"]}),
        ({"value": Decimal("-0.01")}, {"value": ["wrong_amount"]}),
        ({"quantity": Decimal(0)}, {"quantity": ["wrong_amount"]}),
        ({"registered_on": date(2026, 6, 16)}, {"registered_on": ["in_the_future"]}),
        ({"state": "disposed"}, {"state": ["disposed"]}),
    ],
)
def test_what_is_refused(county: Unit, values: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as refused:
        register(**values)
    assert codes_of(refused.value) == wrong
    assert not Asset.objects.exists()


def test_project_and_contract_are_those_of_the_village(county: Unit) -> None:
    other = village("东二村")
    with pytest.raises(ValidationError) as refused:
        register(project=make_project(other), contract=make_contract(other))
    assert codes_of(refused.value) == {"project": ["other_project"], "contract": ["other_contract"]}


def test_a_number_is_once_in_a_village(county: Unit) -> None:
    register()
    register(village("东二村"))
    with pytest.raises(ValidationError) as refused:
        register()
    assert codes_of(refused.value) == {"number": ["number_taken"]}


def test_a_card_is_changed_and_checked(county: Unit) -> None:
    asset = register()
    asset = assets.change_asset(asset, values={"user": "承租户", "state": "leased"}, base=1, by=clerk(), today=TODAY)
    assert (asset.user, asset.state, asset.version) == ("承租户", "leased", 2)
    with pytest.raises(Conflict):
        assets.change_asset(asset, values={"user": "别人"}, base=1, by=clerk(), today=TODAY)
    asset = assets.check_asset(asset, on=date(2026, 6, 1), state="damaged", note="屋顶漏水", by=clerk(), today=TODAY)
    assert (asset.state, asset.checked_on) == ("damaged", date(2026, 6, 1))
    event = AuditEvent.objects.get(event="collective_economy.check_asset")
    assert (event.reason, event.changes["state"]) == ("屋顶漏水", ["leased", "damaged"])
    for on, wrong in ((date(2026, 6, 16), "in_the_future"), (date(2026, 5, 31), "before_check")):
        with pytest.raises(ValidationError) as refused:
            assets.check_asset(asset, on=on, state="in_use", by=clerk(), today=TODAY)
        assert codes_of(refused.value) == {"on": [wrong]}


def test_what_is_disposed_of_stays_to_be_seen(county: Unit) -> None:
    asset = register()
    with pytest.raises(ValidationError) as refused:
        assets.dispose(asset, on=TODAY, reason="", by=clerk(), today=TODAY)
    assert codes_of(refused.value) == {"reason": ["no_reason"]}
    assets.dispose(asset, on=TODAY, reason="村民代表会议决议5号：报废", by=clerk(), today=TODAY)
    stored = Asset.objects.get()
    assert stored.state == "disposed"
    assert AuditEvent.objects.get(event="collective_economy.dispose_asset").reason == "村民代表会议决议5号：报废"
    with pytest.raises(ValidationError) as refused:
        assets.change_asset(stored, values={"user": "别人"}, base=2, by=clerk(), today=TODAY)
    assert codes_of(refused.value) == {"": ["disposed"]}

"""Rows of the collective economy for tests: each maker builds the least that the database takes, by the models.

Amounts are yuan. Who enters and who decides are two people (`clerk`, `checker`), as the database asks. Sums are kept by
the database, so what is handed back is read again after a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from branches.models import Unit
from collective_economy.models import (
    Contract,
    LedgerEntry,
    LedgerMonth,
    Payment,
    Programme,
    ProgrammeSource,
    Project,
    ProjectShare,
    ProjectSource,
    Receivable,
    Stage,
)
from collective_economy.models.programmes import SUPPORT

YEAR = 2026
DAY = date(2026, 6, 15)
MONTH = date(2026, 6, 1)
_numbers = count(1)

Amount = Decimal | int | str


def person(username: str) -> User:
    """An account without any right, made once."""
    return User.objects.get_or_create(username=username, defaults={"name": username})[0]


def clerk() -> User:
    """Who enters."""
    return person("money_clerk")


def checker() -> User:
    """Who confirms, approves and closes."""
    return person("money_checker")


def village(name: str = "东一村") -> Unit:
    return Unit.objects.get(name=name)


def make_programme(
    unit: Unit | None = None, amounts: Mapping[str, Amount] | None = None, *, is_confirmed: bool = True, **fields: Any
) -> Programme:
    """A programme of the county with an amount for each level that pays; 1 000 000 yuan of county money unless told."""
    unit = unit or Unit.objects.get(kind="county")
    programme = Programme.objects.create(
        **{
            "unit": unit,
            "path": unit.path,
            "name": f"批次{next(_numbers)}",
            "year": YEAR,
            "document": "青组〔2026〕1号",
            "released_on": date(YEAR, 1, 10),
            "entered_by": clerk(),
        }
        | fields
    )
    for source, amount in (amounts or {"county": 1_000_000}).items():
        ProgrammeSource.objects.create(programme=programme, source=source, amount=amount)
    if is_confirmed:
        confirm_programme(programme)
    return programme


def confirm_programme(programme: Programme, by: User | None = None) -> None:
    programme.confirmed_by, programme.confirmed_at = by or checker(), timezone.now()
    programme.save(update_fields=["confirmed_by", "confirmed_at"])


def make_project(
    *villages: Unit,
    programme: Programme | None = None,
    approved: Mapping[str, Amount] | None = None,
    percents: Mapping[str, Amount] | None = None,
    unit: Unit | None = None,
    **fields: Any,
) -> Project:
    """A project of these villages (东一村 unless told); with `approved`, an approved one with this money by source.

    Support money needs a programme that pays from the same source; one with just enough is made when none is named.
    `percents` names the shares by name of village; equal ones unless told. `unit` is the place, where it is not the
    only village: of several villages their township or county.
    """
    villages = villages or (village(),)
    unit = unit or (villages[0] if len(villages) == 1 else _common(villages))
    money = {source: Decimal(amount) for source, amount in (approved or {}).items()}
    support = {source: amount for source, amount in money.items() if source in SUPPORT}
    if support and programme is None:
        programme = make_programme(amounts=support)
    project = Project.objects.create(
        **{
            "number": f"XM{next(_numbers):04d}",
            "name": "仓库",
            "year": YEAR,
            "programme": programme,
            "unit": unit,
            "path": unit.path,
            "subject": programme.subject if programme else "F3",
            "business_model": "property",
            "stage": Stage.APPROVE if money else Stage.POOL,
            "stage_since": date(YEAR, 3, 1),
            "pooled_on": date(YEAR, 1, 5),
            "entered_by": clerk(),
            "approved_by": checker() if money else None,
            "approved_on": date(YEAR, 3, 1) if money else None,
        }
        | fields
    )
    for place, percent in _shares(villages, percents):
        ProjectShare.objects.create(project=project, unit=place, path=place.path, percent=percent)
    for source, amount in money.items():
        add_source(project, source, amount)
    return project


def _common(villages: tuple[Unit, ...]) -> Unit:
    paths = [one.path for one in villages]
    common = next(
        paths[0][:end] for end in range(len(paths[0]), 0, -4) if all(p.startswith(paths[0][:end]) for p in paths)
    )
    return Unit.objects.get(path=common)


def _shares(villages: tuple[Unit, ...], percents: Mapping[str, Amount] | None) -> list[tuple[Unit, Decimal]]:
    if percents is not None:
        return [(one, Decimal(percents[one.name])) for one in villages]
    equal = (Decimal(100) / len(villages)).quantize(Decimal("0.0001"))
    return [(villages[0], 100 - equal * (len(villages) - 1)), *((one, equal) for one in villages[1:])]


def add_source(project: Project, source: str, approved: Amount) -> ProjectSource:
    """Approved money of a project, support money from the project's programme."""
    grant = ProgrammeSource.objects.filter(programme=project.programme_id, source=source).first()
    return ProjectSource.objects.create(
        project=project,
        source=source,
        requested=approved,
        approved=approved,
        programme_source=grant if source in SUPPORT else None,
    )


def enter_payment(source: ProjectSource, amount: Amount, kind: str = "receipt", **fields: Any) -> Payment:
    """A movement that waits for confirmation. `kind`: receipt, payment or recall."""
    return Payment.objects.create(
        **{
            "project_id": source.project_id,
            "path": source.project.path,
            "source": source,
            "kind": kind,
            "amount": amount,
            "paid_on": DAY,
            "summary": "拨付",
            "use": "build" if kind == "payment" else "",
            "voucher_number": f"PZ{next(_numbers):04d}",
            "entered_by": clerk(),
            "entered_at": timezone.now(),
        }
        | fields
    )


def confirm_payment(payment: Payment, by: User | None = None) -> Payment:
    payment.state, payment.decided_by, payment.decided_at = Payment.State.CONFIRMED, by or checker(), timezone.now()
    payment.save(update_fields=["state", "decided_by", "decided_at"])
    return payment


def move(source: ProjectSource, amount: Amount, kind: str = "receipt", **fields: Any) -> Payment:
    """A confirmed movement; `source` has its new sums afterwards."""
    payment = confirm_payment(enter_payment(source, amount, kind, **fields))
    source.refresh_from_db()
    return payment


def reverse_payment(payment: Payment) -> Payment:
    """Takes a confirmed movement back, confirmed as well."""
    back = enter_payment(payment.source, payment.amount, payment.kind, use=payment.use, reverses=payment, reason="录错")
    return confirm_payment(back)


def make_entry(
    unit: Unit | None = None, amount: Amount = 100, category: str = "operating", day: date = DAY, **fields: Any
) -> LedgerEntry:
    """An entry of a day; its month's row and sums come from the database."""
    return LedgerEntry.objects.create(**entry_fields(unit, amount, category, day) | fields)


def make_total(
    unit: Unit | None = None, amount: Amount = 100, category: str = "operating", month: date = MONTH, **fields: Any
) -> LedgerEntry:
    """The total of a category for a month, as a sheet brings it."""
    total = {"day": None, "is_total": True, "voucher_number": "", "summary": ""}
    return LedgerEntry.objects.create(**entry_fields(unit, amount, category, month) | total | fields)


def entry_fields(unit: Unit | None, amount: Amount, category: str, day: date) -> dict[str, Any]:
    unit = unit or village()
    return {
        "unit": unit,
        "path": unit.path,
        "month": day.replace(day=1),
        "day": day,
        "category": category,
        "amount": amount,
        "summary": "租金",
        "voucher_number": f"J{next(_numbers):04d}",
        "entered_by": clerk(),
    }


def reverse_entry(entry: LedgerEntry, day: date = DAY, **fields: Any) -> LedgerEntry:
    """Takes an entry back on a day of an open month."""
    back = {"reverses": entry, "receivable": entry.receivable, "reason": "录错"}
    return LedgerEntry.objects.create(**entry_fields(entry.unit, -entry.amount, entry.category, day) | back | fields)


def month_of(unit: Unit | None = None, month: date = MONTH) -> LedgerMonth:
    return LedgerMonth.objects.get(unit=unit or village(), month=month)


def close_month(unit: Unit | None = None, month: date = MONTH, by: User | None = None) -> LedgerMonth:
    row = month_of(unit, month)
    row.closed_by, row.closed_at = by or checker(), timezone.now()
    row.save(update_fields=["closed_by", "closed_at"])
    return row


def make_contract(unit: Unit | None = None, **fields: Any) -> Contract:
    unit = unit or village()
    return Contract.objects.create(
        **{
            "unit": unit,
            "path": unit.path,
            "number": f"HT{next(_numbers):04d}",
            "kind": "lease",
            "party": "承租户",
            "subject": "仓库",
            "signed_on": date(YEAR, 1, 1),
            "starts_on": date(YEAR, 1, 1),
            "ends_on": date(YEAR, 12, 31),
            "yearly_amount": 12_000,
            "entered_by": clerk(),
        }
        | fields
    )


def make_receivable(contract: Contract | None = None, amount: Amount = 1000, due_on: date = DAY) -> Receivable:
    contract = contract or make_contract()
    return Receivable.objects.create(
        contract=contract, unit=contract.unit, path=contract.path, due_on=due_on, amount=amount
    )

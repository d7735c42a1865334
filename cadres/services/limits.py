"""What a county asks of its cadres and its reserve, set by county staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from branches.models import Unit
from branches.versions import claim_version
from cadres.models import PeopleLimits

if TYPE_CHECKING:
    from accounts.models import User

FIELDS = tuple(
    field.name for field in PeopleLimits._meta.concrete_fields if field.name not in ("id", "unit", "version")
)


@transaction.atomic
def set_limits(county: Unit, values: Mapping[str, Any], *, version: int | None, by: User | None) -> PeopleLimits:
    """The county's limits with these values. `version` is None for the first time.

    They hold for what is checked from now on; steps that were taken stay. Raises Conflict, and ValidationError
    "not_a_county".
    """
    if county.kind != Unit.Kind.COUNTY:
        raise ValidationError(_("Limits are set for a county."), "not_a_county")
    row = PeopleLimits.objects.select_for_update().filter(unit=county).first()
    before = {name: getattr(row or PeopleLimits(), name) for name in FIELDS}
    if row is None:
        row = PeopleLimits(unit=county)
    else:
        claim_version(row, version or 0)
    for name in FIELDS:
        setattr(row, name, values.get(name, getattr(row, name)))
    changes = audit.changes_between(before, {name: getattr(row, name) for name in FIELDS})
    if changes or row.pk is None:
        row.save()
        audit.record("cadres.change_peoplelimits", actor=by, target=row, unit=county, changes=changes)
    return row

"""The bands of income of a county, from a year on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.models import Unit
from collective_economy.bands import Band, problem_of, stored
from collective_economy.models import BandRules
from collective_economy.services.targets import YEARS

MOST_BANDS = 12
CODE_LENGTH, NAME_LENGTH = 20, 30


@transaction.atomic
def set_bands(
    county: Unit, first_year: int, bands: Sequence[Band], document: str, *, by: User, today: date
) -> BandRules:
    """A set of bands that holds from `first_year` on.

    Years that have begun keep the set by which they were reported: a later set begins after the last one, and only a
    set whose first year is still to come is replaced. Raises ValidationError "wrong_year", "no_document",
    "wrong_bands", "not_later". Rule: docs/rules/income-bands.md.
    """
    Unit.objects.select_for_update(of=("self",)).get(pk=county.pk)
    document = _checked(first_year, bands, document)
    last = BandRules.objects.filter(unit=county).order_by("-first_year").first()
    if last is not None and first_year <= last.first_year:
        if first_year != last.first_year or first_year <= today.year:
            words = _("Bands hold from %(year)d on already. Years that were reported keep theirs: choose a later year.")
            raise ValidationError({"first_year": ValidationError(words % {"year": last.first_year}, "not_later")})
        row, before = last, {"bands": last.bands, "document": last.document}
    else:
        row, before = BandRules(unit=county, path=county.path, first_year=first_year), {}
    row.bands, row.document, row.entered_by = stored(bands), document, by
    row.save()
    changes = audit.changes_between(before, {"bands": row.bands, "document": document})
    audit.record(
        "collective_economy.save_bandrules",
        actor=by,
        target=row,
        unit=county.path,
        changes={"first_year": first_year, **changes},
    )
    return row


def _checked(first_year: int, bands: Sequence[Band], document: str) -> str:
    """The document as it is kept."""
    if first_year not in YEARS:
        raise ValidationError({"first_year": ValidationError(_("Choose a year from 2000 to 2100."), "wrong_year")})
    document = document.strip()[:120]
    if not document:
        raise ValidationError({"document": ValidationError(_("Enter the document it rests on."), "no_document")})
    too_long = any(
        len(band.code) > CODE_LENGTH or max(len(band.name), len(band.name_en)) > NAME_LENGTH for band in bands
    )
    problem = "too_long" if too_long else "too_many" if len(bands) > MOST_BANDS else problem_of(bands)
    if problem is not None:
        raise ValidationError(_words(problem), "wrong_bands")
    return document


def _words(problem: str) -> str:
    return {
        "too_few": _("Enter at least two bands."),
        "too_many": _("Enter at most %(count)d bands.") % {"count": MOST_BANDS},
        "too_long": _("A name of a band has at most %(count)d characters.") % {"count": NAME_LENGTH},
        "no_name": _("Every band needs a name."),
        "same_code": _("Two bands have the same code."),
        "not_from_0": _("The first band begins at 0."),
        "not_cents": _("Bounds have at most two decimals in yuan."),
        "not_rising": _("Each band begins above the one before it."),
    }[problem]

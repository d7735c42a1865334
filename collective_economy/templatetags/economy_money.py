"""`{% load economy_money %}`: where a project lies, in a word."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from branches.models import Unit
from branches.scoping import STEP
from collective_economy.models import Project

register = template.Library()


@register.filter
def place_of(project: Project, above: Mapping[str, str]) -> str:
    """Township and village, or the township or county that holds the villages of a joint project. `above`: names by
    path, as `names_above` gives them."""
    return unit_of(project.unit, above)


@register.filter
def unit_of(unit: Unit, above: Mapping[str, str]) -> str:
    """A village with its township before it; a unit above the villages alone."""
    if unit.kind != Unit.Kind.VILLAGE:
        return unit.name
    return f"{above.get(unit.path[:-STEP], '')}{unit.short_name}"

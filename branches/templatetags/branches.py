"""Look-ups that the pages of this app need and the template language lacks."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def name_at(names: Mapping[str, str], path: str) -> str:
    """Name of the unit at `path`, a dash when the reader does not know it."""
    return names.get(path, "—")

"""Names of fields as people read them."""

from __future__ import annotations

from django.db.models import Field, Model


def label_of(model: type[Model], name: str) -> str:
    """The field's name in the language of the page. A relation from elsewhere has none; asking for it is a mistake."""
    field = model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is not a field of {model._meta.label}")
    return str(field.verbose_name)

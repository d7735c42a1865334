"""Start-up checks: no admin may look past the row scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.options import InlineModelAdmin, ModelAdmin
from django.contrib.admin.sites import all_sites
from django.core.checks import CheckMessage, Error

from branches.scoped_admin import ScopedModelAdmin, ScopedOptions

UNSCOPED_ADMINS: dict[str, str] = {}
"""Label of a model -> why its admin need not be built on ScopedModelAdmin."""


def scoped_admins(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every registered admin keeps the doors past the scope closed (docs/rules/scope.md)."""
    admins = [model_admin for site in all_sites for model_admin in site._registry.values()]
    return [message for model_admin in admins for message in problems_of(model_admin)]


def problems_of(model_admin: ModelAdmin) -> Iterator[CheckMessage]:
    label = model_admin.opts.label
    if label in UNSCOPED_ADMINS:
        return
    if not isinstance(model_admin, ScopedModelAdmin):
        yield Error(f"The admin of {label} is not built on ScopedModelAdmin.", obj=model_admin, id="branches.E001")
        return
    if not (model_admin.fields or model_admin.fieldsets):
        yield Error(f"The admin of {label} does not list its fields.", obj=model_admin, id="branches.E002")
    if model_admin.raw_id_fields:
        yield Error(
            "raw_id_fields shows the name of any row; use autocomplete_fields.", obj=model_admin, id="branches.E003"
        )
    if model_admin.list_editable:
        yield Error("list_editable saves without the look-up after saving.", obj=model_admin, id="branches.E004")
    for inline in model_admin.inlines:
        yield from _problems_of_inline(model_admin, inline)
    for action in model_admin.actions or ():
        function = action if callable(action) else getattr(model_admin, action)
        if len(getattr(function, "allowed_permissions", ())) != 1:
            yield Error(f"The action {action} does not name its one permission.", obj=model_admin, id="branches.E005")


def _problems_of_inline(model_admin: ModelAdmin, inline: type[InlineModelAdmin]) -> Iterator[CheckMessage]:
    if not issubclass(inline, ScopedOptions):
        yield Error(f"{inline.__name__} is not a scoped inline.", obj=model_admin, id="branches.E006")
    elif not (inline.fields or inline.fieldsets):
        yield Error(f"{inline.__name__} does not list its fields.", obj=model_admin, id="branches.E002")
    elif inline.raw_id_fields:
        yield Error(
            "raw_id_fields shows the name of any row; use autocomplete_fields.", obj=model_admin, id="branches.E003"
        )

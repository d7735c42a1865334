"""A page with one form that hands its values to a service, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from branches.versions import Conflict, VersionedFormMixin

Crumbs = Sequence[tuple[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What stands around the form. `back` is where saving and cancelling lead."""

    title: str
    back: str
    crumbs: Crumbs = ()
    subject: str = ""
    explanation: str = ""
    submit: str | Promise = ""
    icon: str = "check"
    is_danger: bool = False
    template: str = "portal/form.html"


def form_page(
    request: HttpRequest,
    page: Page,
    make_form: Callable[[Any], Any],
    run: Callable[[dict[str, Any]], Any],
    *,
    back_to: Callable[[Any], str] | None = None,
    **context: Any,
) -> HttpResponse:
    """Shows the form, or runs the service with its values and leads on.

    `make_form` gets the posted data or None and reads the row anew, so that after a conflict the form
    shows both values. What the service refuses stands at the fields it names. `run` also looks the row
    up again in the writer's scope; what has left it is rolled back.
    """
    form = make_form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = run(form.cleaned_data)
        except ValidationError as error:
            show_refusal(form, error)
        except Conflict:
            form = after_conflict(make_form, request)
        else:
            messages.success(request, _("Saved."))
            return redirect(back_to(made) if back_to else page.back)
    status = 422 if form.errors else 200
    return render(request, page.template, {**vars(page), "form": form, **context}, status=status)


def show_refusal(form: forms.BaseForm, error: ValidationError) -> None:
    """Puts what a service said to the fields of the form, the rest above it."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


def after_conflict(make_form: Callable[[Any], Any], request: HttpRequest) -> Any:
    form = make_form(request.POST)
    if form.is_valid() or not isinstance(form, VersionedFormMixin):
        form.add_error(None, _("Somebody else changed this meanwhile. Open the page anew and look before you save."))
    return form

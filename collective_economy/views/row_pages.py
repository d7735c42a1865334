"""What pages of one row share: what a new form knows already, forms that put their values together themselves, and
refusals of who began a matter, told in the form with what was typed still there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from branches.form_page import Page, form_page
from branches.scoping import fetch
from collective_economy.models import Project

KEY_DIGITS = 18


@contextmanager
def told_in_the_form() -> Iterator[None]:
    """A service's refusal of who began the matter, as an error of the form."""
    try:
        yield
    except PermissionDenied as refused:
        raise ValidationError(str(refused), "own") from refused


def row_form(
    request: HttpRequest,
    page: Page,
    make_form: Callable[[Any], Any],
    run: Callable[[Any], Model],
    url_name: str,
) -> HttpResponse:
    """`form_page` whose service gets the filled form and hands back the row, to whose page (`url_name`) it leads."""
    made: list[Any] = []

    def remember(data: Any) -> Any:
        made.append(make_form(data))
        return made[-1]

    def service(_given: dict[str, Any]) -> Model:
        with told_in_the_form():
            return run(made[-1])

    return form_page(request, page, remember, service, back_to=lambda row: reverse(url_name, args=[row.pk]))


def initial_place(request: HttpRequest) -> dict[str, Any]:
    """`?village=` or `?project=`: the village, and of a project its number. 404 for a project out of sight."""
    initial: dict[str, Any] = {"unit": request.GET.get("village")}
    key = request.GET.get("project", "")
    if not key.isdecimal() or len(key) > KEY_DIGITS:
        return initial
    project = fetch(request.user, Project, int(key))
    villages = list(project.shares.values_list("unit", flat=True)[:2])
    if len(villages) == 1:
        initial["unit"] = villages[0]
    return initial | {"project_number": project.number}

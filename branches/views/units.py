"""Changes of the tree with the day from which they hold: new, closed and merged units, class of a village."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from branches.forms import AddUnitForm, ClassForm, CloseUnitForm, MergeForm
from branches.models import Unit, VillageClass
from branches.months import after
from branches.scoping import fetch, must_hold
from branches.services import units

PARENT_KINDS = tuple(units.CHILD_KIND)


def unit_add(request: HttpRequest) -> HttpResponse:
    """A new place under one that exists."""
    must_hold(request.user, "branches.add_unit")
    parents = Unit.objects.for_user(request.user, "add").valid_on(timezone.localdate()).filter(kind__in=PARENT_KINDS)
    initial = {"parent": request.GET.get("parent"), "first_day": _coming_month()}
    form = AddUnitForm(request.POST or None, parents=parents, initial=initial)

    def add(values: dict[str, Any]) -> Unit:
        return units.add_unit(values["parent"], values["name"], values["code"], values["first_day"], by=request.user)

    return _page(request, form, add, title=_("New unit"), text=_("The unit exists from the day given."))


def unit_close(request: HttpRequest, pk: int) -> HttpResponse:
    unit = fetch(request.user, Unit, pk, "change")
    form = CloseUnitForm(request.POST or None, initial={"first_day": _coming_month()})

    def close(values: dict[str, Any]) -> Unit:
        today = timezone.localdate()
        return units.close_unit(unit, values["first_day"], by=request.user, reason=values["reason"], today=today)

    text = _("Its Party organizations and roles end with it. Months before stay as they are.")
    return _page(request, form, close, title=_("Close %(unit)s") % {"unit": unit}, text=text, unit=unit)


def unit_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Other villages of the township go into this one."""
    unit = fetch(request.user, Unit, pk, "change")
    if unit.kind != Unit.Kind.VILLAGE:
        raise Http404
    others = Unit.objects.for_user(request.user, "change").villages().under(unit.parent_path)
    others = others.filter(valid_to=None).exclude(pk=unit.pk)
    form = MergeForm(request.POST or None, others=others, initial={"first_day": _coming_month()})

    def merge(values: dict[str, Any]) -> Unit:
        today = timezone.localdate()
        return units.merge_villages(
            list(values["villages"]), unit, values["first_day"], by=request.user, reason=values["reason"], today=today
        )

    text = _(
        "Months before that day stay with the villages as they were; later months are entered and ranked for "
        "%(unit)s. Afterwards bring the figures of its card up to date."
    )
    return _page(
        request,
        form,
        merge,
        title=_("Merge villages into %(unit)s") % {"unit": unit},
        text=text % {"unit": unit},
        unit=unit,
    )


def unit_classify(request: HttpRequest, pk: int) -> HttpResponse:
    """Class and starting band of a village from a day on."""
    unit = fetch(request.user, Unit, pk, "change")
    if unit.kind != Unit.Kind.VILLAGE:
        raise Http404
    current = VillageClass.objects.filter(unit=unit, valid_to=None).first()
    initial = {"first_day": _coming_month()}
    if current is not None:
        initial |= {"kind": current.kind, "band": current.band}  # type: ignore[dict-item]
    form = ClassForm(request.POST or None, initial=initial)

    def classify(values: dict[str, Any]) -> Unit:
        units.classify_village(
            unit, values["kind"], values["band"], values["first_day"], by=request.user, reason=values["reason"]
        )
        return unit

    text = _("Villages are ranked within their class. Months that are open keep the class they opened with.")
    return _page(request, form, classify, title=_("Class of %(unit)s") % {"unit": unit}, text=text, unit=unit)


def _coming_month() -> date:
    return after(timezone.localdate())


def _page(
    request: HttpRequest,
    form: forms.Form,
    change: Callable[[dict[str, Any]], Unit],
    *,
    title: str,
    text: str,
    unit: Unit | None = None,
) -> HttpResponse:
    """The form of a change; what the service refuses stands above it."""
    if request.method == "POST" and form.is_valid():
        try:
            changed = change(form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Done: %(title)s.") % {"title": title})
            return redirect(_page_of(changed))
    crumbs = [(reverse("admin:branches_unit_changelist"), _("Units"))]
    if unit is not None:
        crumbs.append((_page_of(unit), str(unit)))
    context = {
        "title": title,
        "text": text,
        "form": form,
        "back": _page_of(unit) if unit else reverse("admin:branches_unit_changelist"),
        "crumbs": crumbs,
    }
    return render(request, "branches/unit_form.html", context, status=422 if form.errors else 200)


def _page_of(unit: Unit) -> str:
    return reverse("admin:branches_unit_change", args=[unit.pk])

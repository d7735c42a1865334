"""Village cards: the list with search and township, and the card of one village."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from branches.above import names_above
from branches.form_page import show_refusal
from branches.forms import VillageForm
from branches.history import happenings
from branches.labels import label_of
from branches.models import Branch, Unit, Village, VillageClass
from branches.querysets import valid_on
from branches.record_forms import VillageFilter
from branches.scoped_admin import CappedPaginator, changes_of
from branches.scoping import fetch, must_hold
from branches.services.cards import keep_former_posts
from branches.versions import Conflict, claim_version, events_of

PER_PAGE = 25


def village_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    must_hold(user, "branches.view_village")
    today = timezone.localdate()
    filters = VillageFilter(request.GET, user=user)
    cards = cards_shown(user, filters, today)
    current = VillageClass.objects.filter(valid_on(today))
    leading = Branch.objects.leading().filter(valid_to=None)
    cards = cards.select_related("unit").prefetch_related(
        Prefetch("unit__classes", current, to_attr="current_classes"),
        Prefetch("unit__branches", leading, to_attr="leading_branches"),
    )
    page = CappedPaginator(cards, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Village cards"),
        "filters": filters,
        "page": page,
        "townships": names_above(card.unit.path for card in page),
    }
    return render(request, "branches/village_list.html", context)


def cards_shown(user: User, filters: VillageFilter, today: date) -> Any:
    """The cards of the list, by its conditions."""
    cards: Any = Village.objects.for_user(user).filter(valid_on(today, "unit__"))
    cards = filters.under(cards, "unit__path")
    if filters.is_valid() and filters.cleaned_data["q"]:
        cards = cards.filter(unit__name__startswith=filters.cleaned_data["q"].strip())
    return cards


def village(request: HttpRequest, pk: int) -> HttpResponse:
    """The card of a village (`pk` of the unit): its figures, kept here once and read by every form."""
    action = "change" if request.method == "POST" else "view"
    unit = fetch(request.user, Unit, pk)
    card = fetch(
        request.user, Village, Village.objects.filter(unit=unit).values_list("pk", flat=True).first() or 0, action
    )
    may_change = request.user.has_perm("branches.change_village", card)
    form = VillageForm(request.POST or None, instance=card) if may_change else None
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            _save(card, form, request)
        except ValidationError as error:
            show_refusal(form, error)
        except Conflict:
            form = VillageForm(request.POST, instance=Village.objects.get(pk=card.pk))
            form.is_valid()
        else:
            messages.success(request, _("The card is saved."))
            return redirect("branches:village", pk=pk)
    card = Village.objects.get(pk=card.pk)
    context = {
        "title": unit.name,
        "unit": unit,
        "card": card,
        "form": form,
        "facts_list": [] if form else _facts(card),
        "township": Unit.objects.filter(path=unit.parent_path).first(),
        "branches": Branch.objects.for_user(request.user).filter(unit=unit),
        "classes": VillageClass.objects.for_user(request.user).filter(unit=unit),
        "may_classify": request.user.has_perm("branches.change_unit", unit),
        "happenings": happenings(Village, events_of(card)[:PER_PAGE]),
        "crumbs": [(reverse("branches:village_list"), _("Village cards"))],
    }
    return render(request, "branches/village.html", context, status=422 if form and form.errors else 200)


def _save(card: Village, form: VillageForm, request: HttpRequest) -> None:
    with transaction.atomic():
        former = Village.objects.select_for_update().values_list("approved_post_count", flat=True).get(pk=card.pk)
        claim_version(card, form.cleaned_data["base_version"])
        form.save()
        if former != form.cleaned_data["approved_post_count"]:
            today = timezone.localdate()
            keep_former_posts(card, former, since=form.cleaned_data["posts_since"] or today, today=today)
        changes = changes_of(form, is_new=False)
        if changes:
            audit.record("branches.change_village", actor=request.user, target=card, unit=card.unit, changes=changes)
        fetch(request.user, Village, card.pk, "change")


def _facts(card: Village) -> Iterable[tuple[str, Any]]:
    for name in VillageForm.Meta.fields:
        yield label_of(Village, name), getattr(card, name)

"""The file of a village: everything about it on one page, which prints as one dossier."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import User
from branches.models import Unit, VillageClass
from branches.querysets import valid_on
from branches.scoping import fetch, must_hold
from branches.village_file import file_of


@require_GET
def village_file(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    must_hold(user, "branches.view_village")
    unit: Unit = fetch(user, Unit, pk)
    if unit.kind != Unit.Kind.VILLAGE:
        raise Http404
    today = timezone.localdate()
    township = Unit.objects.filter(path=unit.parent_path).first()
    before, after = _neighbours(user, unit)
    context = {
        "title": unit.name,
        "unit": unit,
        "today": today,
        "township": township,
        "village_class": VillageClass.objects.for_user(user).filter(valid_on(today), unit=unit).first(),
        "before": before,
        "after": after,
        "file": file_of(user, unit, today),
        "crumbs": [(reverse("branches:village_list"), _("Village cards"))],
    }
    return render(request, "branches/village_file.html", context)


def _neighbours(user: User, unit: Unit) -> tuple[Unit | None, Unit | None]:
    """The villages before and after it in its township, as far as the user sees them. Two queries."""
    villages = Unit.objects.for_user(user).villages().under(unit.parent_path).filter(valid_to=None)
    before = villages.filter(path__lt=unit.path).order_by("-path").first()
    return before, villages.filter(path__gt=unit.path).order_by("path").first()

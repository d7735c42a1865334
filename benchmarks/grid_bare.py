"""The bare update through Django, to compare with: the same middleware and session, one row read and written."""

from __future__ import annotations

import json

import django
from django.conf import settings

django.setup()
settings.ROOT_URLCONF = __name__

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

from assessments.models import VillageMonth  # noqa: E402


def update(request: HttpRequest, pk: int) -> JsonResponse:
    edit = json.loads(request.body)["edits"][0]
    with transaction.atomic():
        row = VillageMonth.objects.select_for_update(of=("self",)).get(submission=pk, village=edit["village"])
        row.values[edit["code"]] = int(edit["value"]) * 10_000
        row.save(update_fields=["values"])
    return JsonResponse({"saved": [request.user.pk]})


urlpatterns = [path("bare/<int:pk>/", update)]
application = WSGIHandler()

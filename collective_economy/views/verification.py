"""The daily check of the sums: when it ran, how much it read, and what does not tie at the reader's places."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import jobs
from branches.scoping import must_hold, paths_for
from collective_economy import verifying

SEE = "collective_economy.confirm_payment"
"""Who decides on money reads whether its sums tie."""


@require_GET
def verification(request: HttpRequest) -> HttpResponse:
    """Four queries, however much was found. Rows of other counties are counted nowhere on the page."""
    user = request.user
    must_hold(user, SEE)
    last = verifying.last_check()
    found = verifying.mismatches_within(last.job, paths_for(user, SEE)) if last.job else []
    names = verifying.names_of(found)
    context = {
        "title": _("Check of sums"),
        "last": last,
        "checks": [
            (check.label, last.job.result["checked"].get(check.kind, 0), _rows_of(found, check.kind))
            for check in verifying.CHECKS
        ]
        if last.job
        else [],
        "differing": len({(one.kind, one.row) for one in found}),
        "mismatches": [
            {
                "one": one,
                "place": names.get(one.path, ""),
                "kind": verifying.LABELS.get(one.kind, one.kind),
                "column": verifying.COLUMNS.get(one.column, one.column),
                "stored": _told(one.stored),
                "computed": _told(one.computed),
            }
            for one in found
        ],
    }
    return render(request, "collective_economy/verification.html", context)


def _told(value: str) -> str:
    words = {verifying.YES: _("yes"), verifying.NO: _("no"), "": "—"}
    return words[value] if value in words else f"{Decimal(value):,}"


def _rows_of(found: list[verifying.Mismatch], kind: str) -> int:
    return len({one.row for one in found if one.kind == kind})


@require_POST
def verification_start(request: HttpRequest) -> HttpResponse:
    """Another check at once, unless one is under way."""
    user = request.user
    must_hold(user, SEE)
    jobs.enqueue(verifying.JOB, {}, by=user, key=verifying.JOB_KEY, scope=paths_for(user, SEE)[0])
    return redirect("collective_economy:verification")

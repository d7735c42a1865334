"""Rates and rules of pay: those in force, those that wait, entering and approving them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauth import recent_password_required
from assessments import pay_page
from assessments.models import PayRules, UpliftRate
from assessments.pay_forms import RatesForm, RulesForm, initial_rules
from assessments.services import pay_terms
from assessments.views.pay import county_of, holds_at, sees_county
from branches.models import Unit
from branches.months import after
from branches.scoping import fetch, must_hold
from cadres.models import Posting

SEE = "assessments.view_upliftrate"
ENTER_RATES, ENTER_RULES = "assessments.add_upliftrate", "assessments.add_payrules"
APPROVE = "assessments.approve_upliftrate"


@require_GET
def pay_terms_page(request: HttpRequest) -> HttpResponse:
    """Rates and rules with their dates; what waits for its approval stands above."""
    must_hold(request.user, SEE)
    county = county_of(request, SEE)
    return render(request, "assessments/pay_terms.html", _page(request, county))


def _page(request: HttpRequest, county: Unit) -> dict[str, Any]:
    user, today = request.user, timezone.localdate()
    rules = list(
        PayRules.objects.for_user(user)
        .filter(path=county.path)
        .select_related("entered_by", "approved_by")
        .order_by("-valid_from")
    )
    approved = [row for row in rules if row.approved_by_id]
    current = next((row for row in approved if row.valid_from <= today), None)
    return {
        "title": _("Rates and rules of pay"),
        "crumbs": [(reverse("assessments:pay"), _("Pay by flags and grades"))],
        "county": county,
        "spans": pay_page.rate_spans(county, user, today),
        "waiting_rates": _waiting(request, county),
        "rules": [(row, posts_of(row), row == current) for row in approved],
        "waiting_rules": [(row, posts_of(row)) for row in rules if not row.approved_by_id],
        "may_forecast": sees_county(user),
        "may_enter": holds_at(user, ENTER_RATES, county.path),
        "may_approve": holds_at(user, APPROVE, county.path),
    }


def _waiting(request: HttpRequest, county: Unit) -> list[UpliftRate]:
    rows = UpliftRate.objects.for_user(request.user).filter(path=county.path, approved_by__isnull=True)
    return list(rows.select_related("entered_by").order_by("valid_from", "kind", "code", "pk"))


def posts_of(rules: PayRules) -> list[str]:
    labels = dict(Posting.Post.choices)
    return [str(labels.get(post, post)) for post in rules.other_posts]


@require_http_methods(["GET", "POST"])
def pay_rates_new(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ENTER_RATES)
    county = county_of(request, ENTER_RATES)
    month = after(timezone.localdate())
    form = RatesForm(request.POST or None, county=county, initial={"valid_from": month})
    if (
        request.method == "POST"
        and form.is_valid()
        and _is_entered(request, form, pay_terms.enter_rates, county, form.rates())
    ):
        return redirect("assessments:pay_terms")
    return _form_page(request, form, _("New rates"), "assessments/pay_rates_form.html")


@require_http_methods(["GET", "POST"])
def pay_rules_new(request: HttpRequest) -> HttpResponse:
    must_hold(request.user, ENTER_RULES)
    county = county_of(request, ENTER_RULES)
    last = PayRules.objects.filter(path=county.path, approved_by__isnull=False).order_by("-valid_from").first()
    form = RulesForm(request.POST or None, initial=initial_rules(last, after(timezone.localdate())))
    if (
        request.method == "POST"
        and form.is_valid()
        and _is_entered(request, form, pay_terms.enter_rules, county, form.rules())
    ):
        return redirect("assessments:pay_terms")
    return _form_page(request, form, _("New rules of pay"), "assessments/pay_rules_form.html")


def _is_entered(request: HttpRequest, form: forms.Form, enter: Callable[..., Any], county: Unit, rows: Any) -> bool:
    """Hands what was typed to the service; what it refuses stands above the form."""
    given = form.cleaned_data
    try:
        enter(
            county,
            rows,
            given["valid_from"],
            given["document"],
            by=request.user,
            is_correction=given["is_correction"],
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    messages.success(request, _("Entered. A leader approves them; until then they count for nothing."))
    return True


def _form_page(request: HttpRequest, form: forms.Form, title: str, template: str) -> HttpResponse:
    context = {
        "title": title,
        "crumbs": [
            (reverse("assessments:pay"), _("Pay by flags and grades")),
            (reverse("assessments:pay_terms"), _("Rates and rules of pay")),
        ],
        "form": form,
    }
    return render(request, template, context, status=422 if form.is_bound else 200)


@recent_password_required
@require_http_methods(["GET", "POST"])
def pay_terms_approve(request: HttpRequest) -> HttpResponse:
    """Rates and rules that wait, with what they replace."""
    must_hold(request.user, APPROVE)
    county = county_of(request, APPROVE)
    if request.method == "POST" and _approved(request, county):
        return redirect("assessments:pay_terms")
    context = _page(request, county) | {
        "title": _("Approve rates and rules"),
        "crumbs": [
            (reverse("assessments:pay"), _("Pay by flags and grades")),
            (reverse("assessments:pay_terms"), _("Rates and rules of pay")),
        ],
    }
    return render(request, "assessments/pay_terms_approve.html", context)


def _approved(request: HttpRequest, county: Unit) -> bool:
    rates = [int(value) for value in request.POST.getlist("rate") if value.isdecimal() and len(value) < 19]
    mine = UpliftRate.objects.for_user(request.user, "approve").filter(path=county.path, pk__in=rates)
    rules = [int(value) for value in request.POST.getlist("rules") if value.isdecimal() and len(value) < 19]
    theirs = list(PayRules.objects.for_user(request.user, "approve").filter(path=county.path, pk__in=rules))
    try:
        if mine.count() != len(set(rates)) or len(theirs) != len(set(rules)):
            raise ValidationError(_("Choose at least one rate."))
        if rates or not rules:
            pay_terms.approve_rates(rates, by=request.user, now=timezone.now())
        for row in theirs:
            pay_terms.approve_rules(row, by=request.user, now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return False
    except PermissionDenied as error:
        messages.error(request, str(error))
        return False
    messages.success(request, _("Approved. From their month on they hold."))
    return True


@require_POST
def pay_rate_discard(request: HttpRequest, pk: int) -> HttpResponse:
    rate = fetch(request.user, UpliftRate, pk, "add")
    return _taken_back(request, lambda: pay_terms.discard_rates([rate.pk], by=request.user))


@require_POST
def pay_rules_discard(request: HttpRequest, pk: int) -> HttpResponse:
    rules = fetch(request.user, PayRules, pk, "add")
    return _taken_back(request, lambda: pay_terms.discard_rules(rules, by=request.user))


def _taken_back(request: HttpRequest, act: Any) -> HttpResponse:
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Taken back."))
    return redirect("assessments:pay_terms")

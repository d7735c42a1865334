"""Pages of one's own account."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import codes, logins, passwords
from accounts.forms import CodeForm, PasswordChangeForm, RecentPasswordForm
from accounts.reauth import remember_password, safe_next
from accounts.sessions import CODE


def reauth(request: HttpRequest) -> HttpResponse:
    """The password once more, then on to the page that asked for it."""
    address = safe_next(request, request.POST.get("next") or request.GET.get("next", ""))
    form = RecentPasswordForm(request.POST or None, request=request)
    if request.method == "POST":
        if form.is_valid():
            remember_password(request.session)
            return HttpResponseRedirect(address)
        if logins.was_locked(request):
            return _out(request)
    return render(
        request, "accounts/reauth.html", {"title": _("Confirm with your password"), "form": form, "next": address}
    )


def code(request: HttpRequest) -> HttpResponse:
    """The code of the authenticator app, after the password."""
    if not codes.is_asked_of(request.user):
        raise Http404
    if not codes.is_set_up(request.user):
        return redirect("accounts:code_setup")
    return _code_page(request, "accounts/code.html", _("Code of your app"), {})


def code_setup(request: HttpRequest) -> HttpResponse:
    """The seed for the app, until a code proves that it arrived there."""
    if not codes.is_asked_of(request.user):
        raise Http404
    if codes.is_set_up(request.user):
        return redirect("accounts:code")
    secret = codes.secret_to_set_up(request.user)
    context = {
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "address": codes.address_for_app(request.user, secret),
    }
    return _code_page(request, "accounts/code_setup.html", _("Set up the app"), context)


def _code_page(request: HttpRequest, template: str, title: Promise, context: dict[str, Any]) -> HttpResponse:
    address = safe_next(request, request.POST.get("next") or request.GET.get("next", ""))
    form = CodeForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        request.session[CODE] = int(time.time())
        return HttpResponseRedirect(address)
    return render(request, template, {"title": title, "form": form, "next": address, **context})


class OwnPassword(PasswordChangeView):
    """A new password for oneself. Other sessions of the user end, this one goes on under a new key."""

    form_class = PasswordChangeForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("admin:index")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_due = passwords.must_be_changed(self.request.user, timezone.now())
        return {**super().get_context_data(**kwargs), "is_due": is_due}

    def form_valid(self, form: DjangoPasswordChangeForm) -> HttpResponse:
        user = form.save()
        update_session_auth_hash(self.request, user)
        remember_password(self.request.session)
        messages.success(self.request, _("Your password has been changed."))
        return HttpResponseRedirect(str(self.success_url))

    def form_invalid(self, form: DjangoPasswordChangeForm) -> HttpResponse:
        return _out(self.request) if logins.was_locked(self.request) else super().form_invalid(form)


def _out(request: HttpRequest) -> HttpResponse:
    """Whoever sits at an open session and does not know its password is out after five attempts."""
    logout(request)
    return redirect("admin:login")

"""The portal's admin site: Django's admin as the shell of every page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import logins
from accounts.forms import LoginForm
from accounts.views import OwnPassword
from assessments.views.home import workbench


class PortalAdminSite(admin.AdminSite):
    enable_nav_sidebar = False
    site_url = None
    site_header = site_title = _("Village organizations and cadres")
    index_title = _("Workbench")
    login_form = LoginForm

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The home page by role."""
        return workbench(request, {**self.each_context(request), **(extra_context or {})})

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and request.user.is_authenticated:
            logins.record_logout(request.user)
        return super().logout(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password, through the service that keeps the rules and the trail."""
        context = {**self.each_context(request), **(extra_context or {})}
        return OwnPassword.as_view(extra_context=context)(request)  # type: ignore[return-value]

    def has_permission(self, request: HttpRequest) -> bool:
        """Anyone with a live account comes in; what they find inside is a matter of rights."""
        return bool(request.user.is_active and request.user.is_authenticated)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As Django's, but a script whose session is over is sent to the login page as a whole.

        Otherwise the login form would be swapped into the table cell that asked.
        """
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.headers.get("HX-Request") == "true" and not self.has_permission(request):
                response = HttpResponse(status=401)
                response.headers["HX-Redirect"] = reverse("admin:login")
                return response
            return inner(request, *args, **kwargs)

        return guarded

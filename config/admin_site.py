"""The portal's admin site: Django's admin as the shell of every page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest


class PortalAdminSite(admin.AdminSite):
    enable_nav_sidebar = False
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        """Anyone with a live account comes in; what they find inside is a matter of rights."""
        return bool(request.user.is_active and request.user.is_authenticated)

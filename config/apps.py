"""App configurations of the wiring: the portal's admin site and this package's template tags."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class PortalAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the portal's own site as the default one."""

    default = False
    default_site = "config.admin_site.PortalAdminSite"


class WiringConfig(AppConfig):
    """Makes `{% load portal %}` available; has no models."""

    name = "config"
    default = True

"""Addresses of the portal. The admin site is the shell and comes last, because it answers for every path."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from config import health, views

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("language/", set_language, name="set_language"),
    path("session/keep/", views.keep_session, name="keep-session"),
    path("", include("accounts.urls")),
    path("", include("branches.urls")),
    path("", include("assessments.urls")),
]
if settings.DEBUG:
    urlpatterns += [path("components/", views.components, name="components")]
urlpatterns += [
    path("", admin.site.urls),
]

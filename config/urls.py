"""Addresses of the portal. The admin site is the shell and comes last, because it answers for every path."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from config import health, views
from config.api import routes

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("language/", set_language, name="set_language"),
    path("session/keep/", views.keep_session, name="keep-session"),
    path("", include("config.search")),
    path("", include("accounts.urls")),
    path("imports/", include("branches.import_urls")),
    path("exports/", include("branches.export_urls")),
    path("", include("branches.urls")),
    path("", include("cadres.reserve_urls")),
    path("", include("assessments.urls")),
    path("", include("cadres.urls")),
    path("economy/", include("collective_economy.urls")),
    path("api/v1/", include((routes(), "v1"))),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]), name="schema"),
]
if settings.DEBUG:
    urlpatterns += [path("components/", views.components, name="components")]
urlpatterns += [
    path("", admin.site.urls),
]

"""Addresses of the portal. The admin site is the shell and comes last, because it answers for every path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("branches.urls")),
    path("", include("assessments.urls")),
    path("", admin.site.urls),
]

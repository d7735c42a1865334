"""Addresses of the pages of the collective economy."""

from django.contrib import admin
from django.urls import URLPattern, path

from collective_economy.views import ledger, verification

app_name = "collective_economy"

urlpatterns: list[URLPattern] = [
    path("ledger/", admin.site.admin_view(ledger.ledger), name="ledger"),
    # check of the sums
    path("check/", admin.site.admin_view(verification.verification), name="verification"),
    path("check/start/", admin.site.admin_view(verification.verification_start), name="verification_start"),
]

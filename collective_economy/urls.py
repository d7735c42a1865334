"""Addresses of the pages of the collective economy."""

from django.contrib import admin
from django.urls import URLPattern, path, register_converter

from collective_economy.converters import MonthConverter
from collective_economy.views import ledger, ledger_month, month_close, verification

app_name = "collective_economy"
register_converter(MonthConverter, "month")

urlpatterns: list[URLPattern] = [
    # ledger
    path("ledger/", admin.site.admin_view(ledger.ledger), name="ledger"),
    path("ledger/close/", admin.site.admin_view(month_close.month_close), name="month_close"),
    path("ledger/<int:pk>/<month:month>/", admin.site.admin_view(ledger_month.ledger_month), name="ledger_month"),
    path("ledger/<int:pk>/<month:month>/enter/", admin.site.admin_view(ledger_month.ledger_enter), name="ledger_enter"),
    path(
        "ledger/<int:pk>/<month:month>/statement/",
        admin.site.admin_view(ledger_month.ledger_statement),
        name="ledger_statement",
    ),
    path("ledger/<int:pk>/<month:month>/close/", admin.site.admin_view(ledger_month.ledger_close), name="ledger_close"),
    path("ledger/entry/<int:pk>/", admin.site.admin_view(ledger_month.ledger_entry), name="ledger_entry"),
    path(
        "ledger/entry/<int:pk>/reverse/",
        admin.site.admin_view(ledger_month.ledger_entry_reverse),
        name="ledger_entry_reverse",
    ),
    # check of the sums
    path("check/", admin.site.admin_view(verification.verification), name="verification"),
    path("check/start/", admin.site.admin_view(verification.verification_start), name="verification_start"),
]

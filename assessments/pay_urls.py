"""Addresses of the pages of pay."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import pay, pay_terms

guarded = admin.site.admin_view

pay_paths: list[URLPattern] = [
    path("pay/", guarded(pay.pay_month), name="pay"),
    path("pay/prepare/", guarded(pay.pay_prepare), name="pay_prepare"),
    path("pay/approve/", guarded(pay.pay_approve), name="pay_approve"),
    path("pay/year/", guarded(pay.pay_forecast), name="pay_forecast"),
    path("pay/lines/", guarded(pay.pay_lines), name="pay_lines"),
    path("pay/lines/<int:pk>/", guarded(pay.pay_line), name="pay_line"),
    path("pay/sheets/<int:pk>/", guarded(pay.pay_sheet), name="pay_sheet"),
    path("pay/sheets/<int:pk>/sign/", guarded(pay.pay_sign), name="pay_sign"),
    path("pay/sheets/<int:pk>/return/", guarded(pay.pay_return), name="pay_return"),
    path("pay/sheets/<int:pk>/export/", guarded(pay.pay_export), name="pay_export"),
    path("pay/sheets/<int:pk>/workbook/", guarded(pay.pay_workbook), name="pay_workbook"),
    path("pay/sheets/<int:pk>/read-back/", guarded(pay.pay_read_back), name="pay_read_back"),
    path("pay/rates/", guarded(pay_terms.pay_terms_page), name="pay_terms"),
    path("pay/rates/new/", guarded(pay_terms.pay_rates_new), name="pay_rates_new"),
    path("pay/rates/approve/", guarded(pay_terms.pay_terms_approve), name="pay_terms_approve"),
    path("pay/rates/<int:pk>/discard/", guarded(pay_terms.pay_rate_discard), name="pay_rate_discard"),
    path("pay/rules/new/", guarded(pay_terms.pay_rules_new), name="pay_rules_new"),
    path("pay/rules/<int:pk>/discard/", guarded(pay_terms.pay_rules_discard), name="pay_rules_discard"),
]

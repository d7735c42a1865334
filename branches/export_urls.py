"""Addresses of the pages by which lists go out, and of blank rosters."""

from django.contrib import admin
from django.urls import URLPattern, path

from branches.views import exports

app_name = "exports"

page = admin.site.admin_view

urlpatterns: list[URLPattern] = [
    path("", page(exports.export_list), name="list"),
    path("rows/", page(exports.export_rows), name="rows"),
    path("new/", page(exports.export_new), name="new"),
    path("columns/", page(exports.columns_save), name="save_columns"),
    path("columns/<int:pk>/delete/", page(exports.columns_delete), name="delete_columns"),
    path("approvals/", page(exports.approvals), name="approvals"),
    path("blank/", page(exports.blank_list), name="blank_list"),
    path("blank/<slug:sheet>/<int:pk>/", page(exports.blank), name="blank"),
    path("<int:pk>/file/", page(exports.export_file), name="file"),
    path("<int:pk>/decide/", page(exports.decide), name="decide"),
]

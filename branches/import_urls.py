"""Addresses of the pages that bring rosters in."""

from django.contrib import admin
from django.urls import URLPattern, path

from branches.views import imports

app_name = "imports"

page = admin.site.admin_view

urlpatterns: list[URLPattern] = [
    path("", page(imports.import_list), name="list"),
    path("upload/", page(imports.upload), name="upload"),
    path("<int:pk>/", page(imports.import_batch), name="batch"),
    path("<int:pk>/progress/", page(imports.import_progress), name="progress"),
    path("<int:pk>/columns/", page(imports.import_columns), name="columns"),
    path("<int:pk>/repair/", page(imports.import_repair), name="repair"),
    path("<int:pk>/left/", page(imports.import_left), name="left"),
    path("<int:pk>/apply/", page(imports.import_apply), name="apply"),
    path("<int:pk>/undo/", page(imports.import_undo), name="undo"),
    path("<int:pk>/give-up/", page(imports.import_give_up), name="give_up"),
    path("<int:pk>/table/", page(imports.import_table), name="table"),
    path("<int:pk>/workbook/", page(imports.import_workbook), name="workbook"),
    path("<int:pk>/workbook/progress/", page(imports.import_workbook_progress), name="workbook_progress"),
    path("<int:pk>/workbook/file/", page(imports.import_workbook_file), name="workbook_file"),
]

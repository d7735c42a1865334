"""Addresses of the month's pages."""

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.views import home

app_name = "assessments"

guarded = admin.site.admin_view
"""Who is not signed in is sent to the login page."""

urlpatterns: list[URLPattern] = [
    path("todo/", guarded(home.todo_list), name="todo"),
]

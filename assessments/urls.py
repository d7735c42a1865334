"""Addresses of the month's pages."""

from django.urls import URLPattern

app_name = "assessments"

urlpatterns: list[URLPattern] = []

"""Addresses of the pages of villages and branches."""

from django.urls import URLPattern

app_name = "branches"

urlpatterns: list[URLPattern] = []

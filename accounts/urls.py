"""Addresses of one's own account and of jobs."""

from django.urls import URLPattern

app_name = "accounts"

urlpatterns: list[URLPattern] = []

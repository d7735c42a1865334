"""Addresses of the pages of the yearly assessment."""

from __future__ import annotations

from django.urls import URLPattern

year_paths: list[URLPattern] = []

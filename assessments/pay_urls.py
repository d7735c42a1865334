"""Addresses of the pages of pay."""

from __future__ import annotations

from django.urls import URLPattern

pay_paths: list[URLPattern] = []

"""Addresses of the pages of the red flags."""

from __future__ import annotations

from django.urls import URLPattern

flag_paths: list[URLPattern] = []

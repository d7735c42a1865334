"""Addresses of the portal. The admin site is the shell and comes last, because it answers for every path."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("", admin.site.urls),
]

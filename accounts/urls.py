"""Addresses of one's own account and of jobs."""

from django.contrib import admin
from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("reauth/", admin.site.admin_view(views.reauth), name="reauth"),
]

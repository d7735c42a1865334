"""Addresses of one's own account and of jobs."""

from django.contrib import admin
from django.urls import path

from accounts import job_views, views

app_name = "accounts"

urlpatterns = [
    path("jobs/<int:job_id>/", admin.site.admin_view(job_views.job_detail), name="job"),
    path("jobs/<int:job_id>/cancel/", admin.site.admin_view(job_views.job_cancel), name="job_cancel"),
    path("code/", admin.site.admin_view(views.code), name="code"),
    path("code/setup/", admin.site.admin_view(views.code_setup), name="code_setup"),
    path("reauth/", admin.site.admin_view(views.reauth), name="reauth"),
]

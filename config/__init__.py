"""Wiring. Importing it makes the Celery application the current one, in the web server as in a worker."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

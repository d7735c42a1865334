"""What all endpoints share: paging and one shape of errors."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Page(LimitOffsetPagination):
    default_limit = 50
    max_limit = 500


def error_response(error: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(error, context)

"""Stops an upload that is larger than a file may be while it comes in: nothing of it is kept.

Named in FILE_UPLOAD_HANDLERS, so that it is in force before anything reads a form.
"""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from imports import limits


class WithinLimit(FileUploadHandler):
    """Before the handlers that keep what comes in. A file over the limit is then missing from the form."""

    seen = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.seen += len(raw_data)
        if self.seen > limits.FILE_BYTES:
            self.request.is_upload_too_large = True  # type: ignore[union-attr]
            # The rest is read and thrown away, so that the browser gets an answer instead of a broken connection.
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        return None


def is_too_large(request: HttpRequest) -> bool:
    """Whether a file of the form was stopped."""
    return getattr(request, "is_upload_too_large", False)

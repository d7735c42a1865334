"""Stops an upload that is larger than a roster may be while it comes in: nothing of it is kept."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from imports import limits


class WithinLimit(FileUploadHandler):
    """Put before the other handlers of a request. Sets `request.is_upload_too_large`."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.seen = 0
        request.is_upload_too_large = False  # type: ignore[attr-defined]

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.seen += len(raw_data)
        if self.seen > limits.FILE_BYTES:
            self.request.is_upload_too_large = True  # type: ignore[union-attr]
            # The rest is read and thrown away, so that the browser gets an answer instead of a broken connection.
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        return None

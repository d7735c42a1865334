"""Why a whole file is not read: a code, and what was found, which the sentence names.

Standard library only: the child process that reads files raises these too.
"""

from __future__ import annotations


class FileRefused(Exception):
    """`code` is one of import.md section 3; `found` picks the sentence (imports/sentences.py)."""

    def __init__(self, code: str, found: str = "") -> None:
        super().__init__(code, found)
        self.code = code
        self.found = found

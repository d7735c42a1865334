"""Every list that is a roster, out as a file and in again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from accounts.models import User
from imports.checking import Answer, check_file
from imports.listings import Listing, listing_called
from imports.sheets import sheet_called
from imports.typed_workbooks import csv_file, xlsx

TOLD = "林晓（linxiao） 2026-11-26 10:20 用途：核对名册（单位：万元）"


def written(
    listing: Listing,
    path: Path,
    user: User,
    today: date,
    filters: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
) -> int:
    """The file at `path`, .xlsx or .csv, of what the user sees; its number of rows."""
    columns = [column for column in listing.columns if column.field not in left_out]
    rows = listing.rows(user, filters or {}, today)
    records = listing.records(rows, has_numbers=any(column.is_secret for column in columns))
    content, count = csv_file(columns, records, TOLD) if path.suffix == ".csv" else xlsx("名册", columns, records, TOLD)
    path.write_bytes(content)
    return count


def read_again(name: str, path: Path, user: User, today: date) -> Answer:
    return check_file(sheet_called(listing_called(name).sheet_name), path, user=user, today=today)

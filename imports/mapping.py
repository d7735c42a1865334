"""Which column of a table is which field: by heading, then by synonym, the last part of a joined heading first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from imports.tables import heading_key

KNOWN_WITHOUT_FIELD = frozenset(
    {"序号", "编号", "序", "no.", "no", "籍贯", "健康状况", "民族", "家庭住址", "住址", "现住址", "照片", "工作年限"}
)
"""Headings of rosters that become no field; they still tell a row of headings from a row of data."""
SAID_LAST = 1_000
"""Rank of a heading that only users know: behind those of the product."""
REMARK = re.compile(r"\([^()]*\)$")


class Headings:
    """The headings of one sheet: `table` gives for each field its headings, the product's own first."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self.fields: dict[str, str] = {}
        self.ranks: dict[str, int] = {}
        self.left_out: frozenset[str] = frozenset()
        for field, words in table.items():
            for rank, word in enumerate(words):
                self.fields.setdefault(heading_key(word), field)
                self.ranks.setdefault(heading_key(word), rank)

    def with_said(self, said: Mapping[str, str]) -> Headings:
        """These headings and what users said about others: heading key -> field, "" for a column to leave out."""
        if not said:
            return self
        both = Headings({})
        both.fields = {**self.fields, **{key: field for key, field in said.items() if field}}
        both.ranks = {**dict.fromkeys(said, SAID_LAST), **self.ranks}
        both.left_out = frozenset(key for key, field in said.items() if not field)
        return both

    def field_of(self, heading: str) -> str | None:
        key = self._key_of(heading)
        return None if key is None or heading_key(heading) in self.left_out else self.fields[key]

    def rank_of(self, heading: str) -> int:
        """Position among the headings of its field: the smaller is the more exact one."""
        key = self._key_of(heading)
        return 0 if key is None else self.ranks[key]

    def knows(self, heading: str) -> bool:
        return self.field_of(heading) is not None or heading_key(heading.split("/")[-1]) in KNOWN_WITHOUT_FIELD

    def _key_of(self, heading: str) -> str | None:
        parts = [heading_key(part) for part in heading.split("/")]
        for start in range(len(parts) - 1, -1, -1):
            for joined in ("/".join(parts[start:]), REMARK.sub("", "/".join(parts[start:]))):
                if joined in self.fields:
                    return joined
        return None


def map_columns(headings: Mapping[int, str], known: Headings) -> dict[int, str]:
    """Column -> field. Columns that become no field are left out."""
    fields = {column: known.field_of(heading) for column, heading in headings.items()}
    return {column: field for column, field in fields.items() if field is not None}

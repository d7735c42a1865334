"""How a village is called every day, derived from its name in the state's list of divisions."""

from __future__ import annotations

from functools import lru_cache

SUFFIXES: tuple[tuple[str, str], ...] = (
    ("社区居民委员会", "社区"),
    ("社区居委会", "社区"),
    ("社区村民委员会", "社区"),
    ("村村民委员会", "村"),
    ("村民委员会", "村"),
    ("村村委会", "村"),
    ("村委会", "村"),
    ("居民委员会", "社区"),
    ("居委会", "社区"),
)


@lru_cache(maxsize=100_000)
def short_village_name(name: str) -> str:
    """`洪岗村` for `洪岗村民委员会`; a name without such an ending as it stands."""
    for ending, short in SUFFIXES:
        if name.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)] + short
    return name

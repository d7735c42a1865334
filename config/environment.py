"""Reading the environment: one function for each kind of value, every name remembered.

`NAMES` collects what the settings asked for, so that a test can compare it with the
names that docker-compose.yml sets. A value may also come from a file named by
`NAME_FILE`, which is how secrets arrive in a container.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

NAMES: set[str] = set()


def text(name: str, default: str = "") -> str:
    """Value of `name`, or the contents of the file that `NAME_FILE` names."""
    NAMES.add(name)
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={path}: the file cannot be read ({error.strerror}).") from error
    return os.environ.get(name, default)


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name}={value}: write 1 or 0.")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    value = text(name, str(default))
    try:
        result = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value}: write a whole number.") from error
    if result < at_least:
        raise ImproperlyConfigured(f"{name}={value}: at least {at_least}.")
    return result


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database_label(url: str) -> str:
    """Tells the files that belong to one database from those of another: empty for SQLite, "-host-name" otherwise."""
    parts = urlsplit(url)
    return "" if parts.scheme == "sqlite" else f"-{parts.hostname or 'local'}-{unquote(parts.path[1:])}"


def database(url: str) -> dict[str, object]:
    """Django's database settings for a URL such as postgres://user:word@host:5432/name or sqlite:///path."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path[1:]) or ":memory:",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA secure_delete=ON;PRAGMA foreign_keys=ON;"
                ),
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                # Compiling a statement takes longer than any statement of ours runs.
                "options": "-c lock_timeout=5s -c statement_timeout=120s -c idle_in_transaction_session_timeout=60s "
                "-c jit=off"
            },
        }
    raise ImproperlyConfigured(f"DATABASE_URL: {parts.scheme or 'empty'} is not one of sqlite, postgres.")

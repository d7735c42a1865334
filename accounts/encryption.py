"""Text that is unreadable in the database (security.md section 5).

AES-256-GCM. A stored value is `version ‖ key id ‖ nonce ‖ ciphertext`, in base64. Model,
field and the row's `uid` are associated data, so a value moved to another row does not
open; a value that does not open raises. Look-ups go through a keyed index beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

AES_256_GCM = b"\x01"
"""Version byte. Other numbers are free for other ciphers."""
KEY_ID_BYTES, NONCE_BYTES = 4, 12


class SealedValueDamaged(Exception):
    """A stored value does not open: it was changed, moved to another row, or its key is gone."""


@lru_cache(maxsize=8)
def _keys(text: str) -> dict[bytes, bytes]:
    """Key id -> key of 32 bytes. Several keys are divided by commas; the first one encrypts."""
    keys: dict[bytes, bytes] = {}
    for secret in text.split(","):
        key = hashlib.sha256(b"field key\0" + secret.strip().encode()).digest()
        keys[hashlib.sha256(b"key id\0" + key).digest()[:KEY_ID_BYTES]] = key
    return keys


def seal_bytes(plain: bytes, context: str) -> bytes:
    """`context` binds the value to its place: it opens only there."""
    key_id, key = next(iter(_keys(settings.FIELD_KEY).items()))
    nonce = secrets.token_bytes(NONCE_BYTES)
    head = AES_256_GCM + key_id
    return head + nonce + AESGCM(key).encrypt(nonce, plain, head + context.encode())


def unseal_bytes(stored: bytes, context: str) -> bytes:
    """Raises SealedValueDamaged, whose text says nothing of the value."""
    try:
        head, rest = stored[: 1 + KEY_ID_BYTES], stored[1 + KEY_ID_BYTES :]
        if head[:1] != AES_256_GCM:
            raise SealedValueDamaged(context)
        key = _keys(settings.FIELD_KEY)[head[1:]]
        return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], head + context.encode())
    except (KeyError, InvalidTag, ValueError) as error:
        raise SealedValueDamaged(context) from error


def is_current(stored: bytes) -> bool:
    """Whether a sealed value was made with the key that encrypts now."""
    return stored[: 1 + KEY_ID_BYTES] == AES_256_GCM + next(iter(_keys(settings.FIELD_KEY)))


def seal(plain: str, context: str) -> str:
    return base64.b64encode(seal_bytes(plain.encode(), context)).decode()


def unseal(stored: str, context: str) -> str:
    """Raises SealedValueDamaged, whose text says nothing of the value."""
    try:
        return unseal_bytes(base64.b64decode(stored, validate=True), context).decode()
    except (binascii.Error, ValueError) as error:
        raise SealedValueDamaged(context) from error


def keyed_index(normalised: str) -> str:
    """HMAC-SHA-256 under the index key: equal texts have equal indexes, and nobody without the key can try them out."""
    return hmac.digest(settings.INDEX_KEY.encode(), normalised.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A value as it came from the database, not opened."""

    stored: str


class OpensWhenRead:
    """Keeps what is assigned, and opens what came from the database when it is asked for."""

    def __init__(self, field: EncryptedTextField) -> None:
        self.field = field

    def __get__(self, row: models.Model | None, owner: type[models.Model]) -> Any:
        if row is None:
            return self
        if self.field.attname not in row.__dict__:
            row.refresh_from_db(fields=[self.field.attname])
        value = row.__dict__[self.field.attname]
        return unseal(value.stored, self.field.context_of(row)) if isinstance(value, Sealed) else value

    def __set__(self, row: models.Model, value: Any) -> None:
        row.__dict__[self.field.attname] = value


class EncryptedTextField(models.TextField):
    """Of a model with a `uid`. Cannot be filtered, ordered, or written without its row (no `update`)."""

    def context_of(self, row: models.Model) -> str:
        return f"{row._meta.label_lower}\0{self.attname}\0{row.uid}"  # type: ignore[attr-defined]

    def context_in(self, uid: str) -> str:
        """The same of a row that is not there yet."""
        return f"{self.model._meta.label_lower}\0{self.attname}\0{uid}"

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, OpensWhenRead(self))

    def from_db_value(self, value: str | None, *_places: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        value = model_instance.__dict__.get(self.attname)
        if value is None or isinstance(value, Sealed):
            return value
        return Sealed(seal(value, self.context_of(model_instance)))

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise FieldError(f"{self.name} is encrypted for its row; save the row.")
        return value.stored

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted and cannot be looked up.")
        return super().get_lookup(lookup_name)

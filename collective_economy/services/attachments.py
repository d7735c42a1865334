"""Papers as files: what a contract, a payment, a finding, an entry or a project is proved by.

The type is decided by the content and has to agree with the name; the file lies sealed in the database and is only
handed out by a page that asks for the scope of what it belongs to (security.md sections 3 and 7).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Model, Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.encryption import seal_bytes, unseal_bytes
from accounts.models import User
from branches.scoping import paths_for, scope_condition
from collective_economy.models import Attachment, AuditFinding, Contract, LedgerEntry, Payment, Project

MOST_BYTES = 5 * 1024 * 1024
ENDINGS = {"pdf": "pdf", "jpg": "jpg", "jpeg": "jpg", "png": "png"}
"""Ending of the name -> type of the content."""
MEDIA_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
PARENTS: dict[str, type[Model]] = {
    "project": Project, "payment": Payment, "entry": LedgerEntry, "contract": Contract, "finding": AuditFinding,
}  # fmt: skip
"""Field of Attachment -> what a paper can belong to."""
NARROW = ("payment", "entry", "contract", "finding")
"""Fields that tell where a paper belongs more closely than its project."""
LONGEST_NAME = 120


@transaction.atomic
def attach(*, parent: Model, upload: UploadedFile, by: User, now: datetime) -> Attachment:
    """A paper of a project, payment, ledger entry, contract or finding.

    Raises ValidationError "empty_file", "too_large", "wrong_type", "wrong_name", "damaged", "attached_already".
    """
    field = field_of(parent)
    # Two uploads of the same paper at once wait for each other here.
    type(parent)._base_manager.select_for_update(of=("self",)).get(pk=parent.pk)
    content = _read(upload)
    kind = _checked_type(content, upload.name or "")
    paper = Attachment(
        path=cast("Any", parent).path,
        name=clean_name(upload.name or "", kind),
        content_type=kind,
        size=len(content),
        checksum=hashlib.sha256(content).hexdigest(),
        uid=uuid.uuid4(),
        uploaded_by=by,
        uploaded_at=now,
    )
    setattr(paper, field, parent)
    if isinstance(parent, Payment):
        # A payment is a part of its project; the others stand at their village and may outlive it.
        paper.project_id = parent.project_id
    if Attachment.objects.filter(**{field: parent}, **_alone(field), checksum=paper.checksum).exists():
        raise ValidationError(_("This file is attached already."), "attached_already")
    paper.sealed_file = seal_bytes(content, context_of(paper))
    paper.save()
    audit.record(
        "collective_economy.add_attachment",
        actor=by,
        target=paper,
        unit=paper.path,
        changes={"name": paper.name, "size": paper.size, "sha256": paper.checksum, "of": f"{field} {parent.pk}"},
    )
    return paper


@transaction.atomic
def download(paper: Attachment, *, by: User) -> bytes:
    """The file, opened; who took it is recorded. Raises SealedValueDamaged where it was tampered with."""
    content = unseal_bytes(bytes(paper.sealed_file), context_of(paper))
    audit.record(
        "collective_economy.download_attachment",
        actor=by,
        target=paper,
        unit=paper.path,
        changes={"name": paper.name, "sha256": paper.checksum},
    )
    return content


def context_of(paper: Attachment) -> str:
    """Binds the sealed file to its row."""
    return f"collective_economy.attachment\0file\0{paper.uid}"


def field_of(parent: Model) -> str:
    """The field of Attachment by which a paper belongs to this row."""
    for field, model in PARENTS.items():
        if isinstance(parent, model):
            return field
    raise TypeError(f"{parent._meta.label} has no papers.")


def parent_of(paper: Attachment) -> Any:
    """What the paper belongs to, as closely as it says."""
    return next((getattr(paper, field) for field in NARROW if getattr(paper, f"{field}_id")), paper.project)


def _alone(field: str) -> dict[str, None]:
    return dict.fromkeys(NARROW) if field == "project" else {}  # type: ignore[arg-type]


def papers_for(user: User) -> Any:
    """Papers that the user may see: those of his places, and those of projects in which one of his villages has a part
    (not the papers of other villages' contracts, entries and findings). Without the files themselves."""
    condition = scope_condition(user, Attachment, "view")
    if condition is None:
        return Attachment.objects.none()
    part = Q()
    for path in paths_for(user, "collective_economy.view_attachment"):
        part |= Q(shares__path__startswith=path)
    projects = Project.objects.for_user(user).filter(part).values("pk")
    of_a_project = Q(entry__isnull=True, contract__isnull=True, finding__isnull=True, project__in=projects)
    return Attachment.objects.filter(condition | of_a_project).defer("sealed_file")


def papers_of(parent: Model, user: User) -> Any:
    """The papers of one row, the oldest first, with who uploaded them; none for who may not see papers. One query."""
    field = field_of(parent)
    rows = papers_for(user).filter(**{field: parent, **_alone(field)})
    return rows.select_related("uploaded_by").order_by("pk")


# --- What a file is -------------------------------------------------------------------------


def _read(upload: UploadedFile) -> bytes:
    if not upload.size:
        raise ValidationError({"file": ValidationError(_("This file is empty."), "empty_file")})
    content = upload.read(MOST_BYTES + 1) if upload.size <= MOST_BYTES else b""
    if not content or len(content) > MOST_BYTES:
        raise ValidationError({"file": ValidationError(_("A file may have at most 5 MB."), "too_large")})
    return cast("bytes", content)


def _checked_type(content: bytes, name: str) -> str:
    kind = type_of(content)
    if kind is None:
        words = _("Only PDF, JPG and PNG files are taken.")
        raise ValidationError({"file": ValidationError(words, "wrong_type")})
    ending = name.rpartition(".")[2].lower()
    if ENDINGS.get(ending) != kind:
        words = _("The name of the file says something else than its content, which is %(kind)s.") % {
            "kind": kind.upper()
        }
        raise ValidationError({"file": ValidationError(words, "wrong_name")})
    if not is_whole(content, kind):
        words = _("This file is damaged or cut off. Scan or save it again.")
        raise ValidationError({"file": ValidationError(words, "damaged")})
    return kind


def type_of(content: bytes) -> str | None:
    """pdf, jpg or png by the first bytes, else None."""
    if re.match(rb"%PDF-[12]\.\d", content):
        return "pdf"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):
        return "png"
    return None


def is_whole(content: bytes, kind: str) -> bool:
    """Whether the file has its end. Scanners and phones append to it, so it need not stand last."""
    if kind == "pdf":
        return b"%%EOF" in content[-2048:]
    if kind == "jpg":
        return b"\xff\xd9" in content[3:]
    return b"IEND" in content[-2048:]


def clean_name(name: str, kind: str) -> str:
    """The name to show: without folders, invisible signs and what could be read as a command, with our ending."""
    stem = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1]).rpartition(".")[0]
    stem = "".join(sign for sign in stem if unicodedata.category(sign)[0] not in "CZ" or sign == " ")
    stem = re.sub(r'[<>:"|?*\s]+', " ", stem).strip(" .")
    return f"{stem[: LONGEST_NAME - 4] or kind}.{kind}"

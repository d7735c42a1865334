"""A file on its way in, its rows, what they changed, how a township's columns are called; files on their way out."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.encryption import EncryptedTextField, seal, seal_bytes, unseal_bytes
from accounts.models import Job


class ImportBatch(models.Model):
    """One uploaded roster. The file and what the user answered are sealed, and forgotten when undoing ends."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("being read")
        CHECKED = "checked", _("checked")
        CONFIRMED = "confirmed", _("being applied")
        APPLIED = "applied", _("applied")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")
        FAILED = "failed", _("cannot be read")
        CANCELLED = "cancelled", _("given up")

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    sheet = models.CharField(_("roster"), max_length=20)
    file_name = models.CharField(_("file"), max_length=200)
    file_size = models.PositiveIntegerField(_("bytes"))
    file_digest = models.CharField(max_length=64, editable=False)
    sealed_file = models.BinaryField(null=True, editable=False)
    path = models.CharField(max_length=255, editable=False, db_index=True)
    """Of the topmost unit at which the uploader may write such rows."""
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UPLOADED)
    choices = EncryptedTextField(null=True, editable=False)
    """`imports.choices.Choices` as JSON."""
    answer = models.JSONField(default=dict, editable=False)
    """The answer of import.md section 3 without its problems, which stand at the rows.

    `labels` beside it: worksheet -> field -> the heading at which the field's problems stand.
    """
    glimpse = EncryptedTextField(null=True, editable=False)
    """`imports.glimpse.Glimpse` as JSON: the first values of columns, for the pages."""
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    """Of what the preview showed: what is applied is what was seen, or nothing."""
    is_stale = models.BooleanField(default=False, editable=False)
    """The records changed between preview and applying; the new preview was not confirmed yet."""
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("uploaded by"),
        editable=False,
    )
    uploaded_at = models.DateTimeField(_("uploaded at"), auto_now_add=True)
    applied_at = models.DateTimeField(_("applied at"), null=True, editable=False)
    undone_at = models.DateTimeField(_("undone at"), null=True, editable=False)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    scope_path = "path"

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering: ClassVar[list[str]] = ["-uploaded_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name

    def keep_file(self, raw: bytes) -> None:
        self.sealed_file = seal_bytes(raw, self._file_context())

    def file(self) -> bytes:
        """The uploaded file. Raises ValueError when it was forgotten."""
        if self.sealed_file is None:
            raise ValueError("The file of this import is not kept any longer.")
        return unseal_bytes(bytes(self.sealed_file), self._file_context())

    def _file_context(self) -> str:
        return f"imports.importbatch\0file\0{self.uid}"


class ImportRow(models.Model):
    """One record of the file as the preview shows it, or one of the database that the file leaves out."""

    class Outcome(models.TextChoices):
        NEW = "new", _("new")
        CHANGED = "changed", _("changed")
        UNCHANGED = "unchanged", _("unchanged")
        FAULTY = "faulty", _("faulty")
        MISSING = "missing", _("not in the file")
        LEFT_OUT = "left_out", pgettext_lazy("import row", "kept out")

    class Result(models.TextChoices):
        WRITTEN = "written", _("written")
        LEFT_OUT = "left_out", _("left out")
        UNDONE = "undone", _("undone")
        NOT_UNDONE = "not_undone", _("not undone: changed since")

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    """In the order of the file, from 0."""
    worksheet = models.CharField(_("worksheet"), max_length=100, blank=True)
    number = models.PositiveIntegerField(_("row"), default=0)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    has_warnings = models.BooleanField(default=False)
    cells = models.JSONField(default=dict)
    """Field -> what the cell says; numbers of class D3 masked."""
    problems = models.JSONField(default=list)
    """[[row, column, code, suggestion]]; a record that stands on several rows names each one's own."""
    differences = models.JSONField(default=list)
    """[[field, stored, new]] in words."""
    target = models.CharField(max_length=40, blank=True)
    """Key of the record that the file leaves out."""
    result = models.CharField(_("result"), max_length=10, choices=Result, blank=True)

    scope_path = "batch__path"

    class Meta:
        verbose_name = _("row of an import")
        verbose_name_plural = _("rows of an import")
        ordering: ClassVar[list[str]] = ["batch", "position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["batch", "position"], name="one_import_row_per_position"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["batch", "outcome", "position"], name="import_row_by_outcome")
        ]

    def __str__(self) -> str:
        return f"{self.worksheet} {self.number}"


class ImportChange(models.Model):
    """What applying wrote to one record, so that undoing can put back what stood there."""

    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="changes")
    row = models.ForeignKey(ImportRow, on_delete=models.CASCADE, related_name="changes")
    model = models.CharField(max_length=60)
    """Such as cadres.person."""
    object_id = models.BigIntegerField()
    before = EncryptedTextField(null=True, editable=False)
    """Fields before the change as JSON; None when the record is new."""
    version_after = models.PositiveIntegerField()

    scope_path = "batch__path"

    class Meta:
        verbose_name = _("change of an import")
        verbose_name_plural = _("changes of an import")
        ordering: ClassVar[list[str]] = ["batch", "pk"]

    def __str__(self) -> str:
        return f"{self.model} {self.object_id}"

    def sealed(self, text: str | None) -> str | None:
        """`text` as the column `before` of this very row keeps it, for writing many rows at once."""
        field: Any = self._meta.get_field("before")
        return None if text is None else seal(text, field.context_of(self))


class ImportWorkbook(models.Model):
    """The file of an import with its problems or results, made by a job for its uploader and soon forgotten."""

    batch = models.OneToOneField(ImportBatch, on_delete=models.CASCADE, related_name="workbook")
    of_version = models.PositiveIntegerField()
    """Of the import that it shows: after a further step it is no longer what there is to show."""
    sealed_file = models.BinaryField(null=True, editable=False)
    asked_at = models.DateTimeField()
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)

    scope_path = "batch__path"

    class Meta:
        verbose_name = _("workbook of an import")
        verbose_name_plural = _("workbooks of imports")
        ordering: ClassVar[list[str]] = ["batch"]

    def __str__(self) -> str:
        return str(self.batch)

    def keep_file(self, raw: bytes) -> None:
        self.sealed_file = seal_bytes(raw, self._file_context())

    def file(self) -> bytes:
        """Raises ValueError when it was not made."""
        if self.sealed_file is None:
            raise ValueError("This workbook was not made yet.")
        return unseal_bytes(bytes(self.sealed_file), self._file_context())

    def _file_context(self) -> str:
        return f"imports.importworkbook\0file\0{self.batch.uid}\0{self.of_version}"


class ColumnMapping(models.Model):
    """What a heading means in the files of one place, as its users once said."""

    path = models.CharField(max_length=255)
    sheet = models.CharField(max_length=20)
    heading = models.CharField(max_length=200)
    """As `imports.tables.heading_key` makes it."""
    field = models.CharField(max_length=40, blank=True)
    """Empty: the column is left out."""

    scope_path = "path"

    class Meta:
        verbose_name = _("remembered column")
        verbose_name_plural = _("remembered columns")
        ordering: ClassVar[list[str]] = ["path", "sheet", "heading"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["path", "sheet", "heading"], name="one_meaning_per_heading"),
        ]

    def __str__(self) -> str:
        return self.heading


KEPT = timedelta(hours=24)
MOST_DOWNLOADS = 5
"""How long and how often an exported file can be fetched (security.md section 6)."""


class ExportFile(models.Model):
    """A file that somebody asked for: what it holds, what for, who let it go. The file is sealed and soon forgotten."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export", "waiting for approval")
        MAKING = "making", pgettext_lazy("export", "being made")
        READY = "ready", pgettext_lazy("export", "ready")
        REFUSED = "refused", pgettext_lazy("export", "not approved")
        FAILED = "failed", pgettext_lazy("export", "not made")
        FORGOTTEN = "forgotten", pgettext_lazy("export", "no longer kept")

    class Kind(models.TextChoices):
        XLSX = "xlsx", _("Excel workbook (.xlsx)")
        CSV = "csv", _("plain table (.csv)")

    class Purpose(models.TextChoices):
        REPORT = "report", _("report to a higher office")
        ROSTER = "roster", _("check of a roster")
        APPOINTMENT = "appointment", _("examination before an appointment")
        ELECTION = "election", _("joint review at an election")
        PAY = "pay", _("pay and insurance")
        INSPECTION = "inspection", _("inspection or audit")
        WORK = "work", _("daily work")
        OTHER = "other", _("other purpose")

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    """Names the file."""
    listing = models.CharField(_("list"), max_length=20)
    filters = models.JSONField(default=dict, editable=False)
    """Conditions of the list's page: name -> value."""
    columns = models.JSONField(default=list, editable=False)
    kind = models.CharField(_("kind of file"), max_length=4, choices=Kind, default=Kind.XLSX)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    note = models.CharField(_("note"), max_length=200, blank=True)
    has_numbers = models.BooleanField(_("with identity numbers"), default=False)
    people_count = models.PositiveIntegerField(default=0, editable=False)
    """Whose identity numbers it holds, or would hold."""
    person_ids = models.JSONField(default=list, db_default=[], editable=False)
    """Their keys, for a day: who takes few people many times has taken many."""
    paths = models.JSONField(default=list, editable=False)
    """Of the units whose rows the file holds: the requester's when it was made."""
    path = models.CharField(max_length=255, editable=False, db_index=True)
    """Of the unit that all of them lie under, for who approves."""
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.MAKING)
    row_count = models.PositiveIntegerField(_("rows"), null=True, editable=False)
    file_size = models.PositiveIntegerField(_("bytes"), null=True, editable=False)
    file_digest = models.CharField(max_length=64, blank=True, editable=False)
    sealed_file = models.BinaryField(null=True, editable=False)
    downloads = models.PositiveSmallIntegerField(_("downloads"), default=0, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by"), editable=False
    )
    requested_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_note = models.CharField(_("note on the decision"), max_length=200, blank=True)
    ready_at = models.DateTimeField(_("ready at"), null=True, editable=False)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)

    scope_path = "path"

    class Meta:
        verbose_name = _("exported file")
        verbose_name_plural = _("exported files")
        ordering: ClassVar[list[str]] = ["-requested_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="export_decided_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.listing} {self.uid}"

    @property
    def downloads_left(self) -> int:
        return max(0, MOST_DOWNLOADS - self.downloads)

    @property
    def kept_until(self) -> datetime | None:
        return self.ready_at + KEPT if self.ready_at else None

    def keep_file(self, raw: bytes) -> None:
        self.sealed_file = seal_bytes(raw, self._file_context())

    def file(self) -> bytes:
        """Raises ValueError when it was forgotten."""
        if self.sealed_file is None:
            raise ValueError("This file is not kept any longer.")
        return unseal_bytes(bytes(self.sealed_file), self._file_context())

    def _file_context(self) -> str:
        return f"imports.exportfile\0file\0{self.uid}"


class SavedColumns(models.Model):
    """Columns of a list that somebody takes again and again, under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listing = models.CharField(_("list"), max_length=20)
    name = models.CharField(_("name"), max_length=40)
    columns = models.JSONField(default=list)

    class Meta:
        verbose_name = _("saved columns")
        verbose_name_plural = _("saved columns")
        ordering: ClassVar[list[str]] = ["user", "listing", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "listing", "name"], name="one_set_of_columns_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

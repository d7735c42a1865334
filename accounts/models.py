"""Who may enter, what they did, and the jobs that run for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.event_words import words_for


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person with an account. What they may do stands in memberships, never here."""

    username = models.CharField(_("user name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=60)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    active_until = models.DateField(_("active until"), null=True, blank=True)
    must_change_password = models.BooleanField(_("must change password"), default=True)
    password_changed_at = models.DateTimeField(_("password changed at"), null=True, blank=True, editable=False)
    enabled_at = models.DateTimeField(_("enabled at"), null=True, blank=True, editable=False)
    code_secret = models.CharField(max_length=200, blank=True, editable=False)
    """Seed of the codes of an authenticator app, encrypted (accounts/codes.py)."""
    code_step = models.BigIntegerField(null=True, editable=False)
    """Time step of the last code accepted; empty until the app is proved to work."""
    code_failures = models.PositiveSmallIntegerField(default=0, editable=False)
    code_failed_at = models.DateTimeField(null=True, editable=False)
    session_generation = models.PositiveIntegerField(default=0, editable=False)
    """Counted up to end all of the user's sessions."""
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    # Django's admin asks for both. Nobody is above the rules: rights come from memberships alone.
    is_staff = True
    is_superuser = False

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering: ClassVar[list[str]] = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    def get_short_name(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    def may_enter_on(self, day: date) -> bool:
        """Whether the account is open on that day."""
        return self.is_active and (self.active_until is None or day <= self.active_until)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session must know to stay valid: it changes with the password and with `session_generation`."""
        known = f"{self.password}:{self.session_generation}"
        return salted_hmac("accounts.session", known, secret=secret, algorithm="sha256").hexdigest()

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether a backend grants `perm`, anywhere or for `obj`."""
        if not self.is_active:
            return False
        for backend in get_backends():
            if not hasattr(backend, "has_perm"):
                continue
            try:
                if backend.has_perm(self, perm, obj):
                    return True
            except PermissionDenied:
                return False
        return False

    def has_perms(self, perm_list: Iterable[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and any(
            backend.has_module_perms(self, app_label)
            for backend in get_backends()
            if hasattr(backend, "has_module_perms")
        )


class PasswordRecord(models.Model):
    """An earlier password's hash, kept so that the last five are not used again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_records")
    password = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d}"


class AuditEvent(models.Model):
    """One thing that happened, who did it and what changed. Appended only: the database refuses change and removal."""

    uid = models.UUIDField(unique=True, editable=False)
    at = models.DateTimeField(_("time"), db_index=True)
    event = models.CharField(_("event"), max_length=60, db_index=True)
    outcome = models.CharField(_("outcome"), max_length=20, default="ok")
    actor = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who")
    )
    actor_role = models.CharField(_("role"), max_length=40, blank=True)
    address = models.CharField(_("address"), max_length=80, blank=True)
    proxy = models.CharField(_("through the proxy"), max_length=80, blank=True)
    request_id = models.CharField(_("request"), max_length=40, blank=True)
    target_type = models.CharField(_("object type"), max_length=60, blank=True)
    target_id = models.CharField(_("object"), max_length=40, blank=True)
    unit_path = models.CharField(_("unit"), max_length=255, blank=True, db_index=True)
    changes = models.JSONField(_("changes"), default=dict, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    schema_version = models.PositiveSmallIntegerField(default=1)
    code = models.CharField(max_length=64, editable=False)
    """HMAC over all of the above. A row that did not come through the portal has none that fits."""

    scope_path = "unit_path"

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["target_type", "target_id"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return words_for(self.event)


class AuditSeal(models.Model):
    """One link of the chain over committed events. Appended only, and without a gap in `position`.

    `digest` is an HMAC over the previous digest, the position, the event's id and its code.
    """

    position = models.PositiveBigIntegerField(unique=True)
    event_id = models.PositiveBigIntegerField(unique=True)
    event_code = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]

    def __str__(self) -> str:
        return str(self.position)


class Job(models.Model):
    """Work that runs outside a request. This row is the job; a broker message only wakes a worker."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(_("kind"), max_length=60)
    arguments = models.JSONField(_("arguments"), default=dict)
    key = models.CharField(_("key"), max_length=200)
    unit_path = models.CharField(_("unit"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="jobs", verbose_name=_("requested by")
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    lease_token = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("of"), default=0)
    message = models.CharField(_("message"), max_length=300, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    scope_path = "unit_path"

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "key"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_live_job_per_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Lease(models.Model):
    """Something only one process may do at a time, such as ticking."""

    name = models.CharField(max_length=60, primary_key=True)
    holder = models.CharField(max_length=60, blank=True)
    until = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    state = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name

"""The audit trail as its readers find it.

The auditor finds all of it, an inspector what concerns villages, everybody else their own acts.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts import audit, jobs, sealing
from accounts.event_words import PROBLEMS, words_for, words_for_model
from accounts.models import AuditEvent, Job
from accounts.roles import Role
from branches.models import Unit
from branches.scoped_admin import ScopedModelAdmin
from branches.scoping import paths_for

EXPORT_LIMIT = 20_000

OUTCOMES: dict[str, Promise] = {
    "ok": pgettext_lazy("audit", "done"),
    "failed": pgettext_lazy("audit", "failed"),
    "locked": pgettext_lazy("audit", "locked"),
    "refused": pgettext_lazy("audit", "refused"),
}


def system_events() -> Q:
    condition = Q()
    for prefix in audit.SYSTEM_PREFIXES:
        condition |= Q(event__startswith=prefix)
    return condition


class SubjectFilter(admin.SimpleListFilter):
    title = gettext_lazy("subject")
    parameter_name = "subject"
    SUBJECTS: dict[str, tuple[Promise, Q]] = {
        "login": (
            pgettext_lazy("audit", "log in and out"),
            Q(
                event__in=[
                    "accounts.login",
                    "accounts.logout",
                    "accounts.end_session",
                    "accounts.check_password",
                    "accounts.lock_user",
                    "accounts.refuse_access",
                ]
            ),
        ),
        "accounts": (
            pgettext_lazy("audit", "accounts and roles"),
            Q(target_type__in=["accounts.user", "branches.membership"]),
        ),
        "business": (pgettext_lazy("audit", "villages and months"), ~system_events()),
        "trail": (pgettext_lazy("audit", "the trail itself"), Q(event__startswith="audit.")),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(name, label) for name, (label, _condition) in self.SUBJECTS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        subject = self.SUBJECTS.get(self.value() or "")
        return queryset if subject is None else queryset.filter(subject[1])


class TimeFilter(admin.SimpleListFilter):
    title = gettext_lazy("time")
    parameter_name = "days"
    DAYS: dict[str, Promise] = {
        "1": pgettext_lazy("audit", "last 24 hours"),
        "7": pgettext_lazy("audit", "last 7 days"),
        "31": pgettext_lazy("audit", "last 31 days"),
        "366": pgettext_lazy("audit", "last year"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(self.DAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        days = self.value()
        if days not in self.DAYS:
            return queryset
        return queryset.filter(at__gte=timezone.now() - timedelta(days=int(days or 0)))


class OutcomeFilter(admin.SimpleListFilter):
    title = gettext_lazy("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(OUTCOMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(outcome=self.value()) if self.value() in OUTCOMES else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ScopedModelAdmin):
    list_display = ("moment", "what", "outcome_told", "actor", "roles_told", "unit_name", "target", "reason")
    list_display_links = ("moment",)
    empty_value_display = "—"
    list_filter = (SubjectFilter, TimeFilter, OutcomeFilter)
    list_select_related = ("actor",)
    search_fields = (
        "actor__username__startswith",
        "actor__name__startswith",
        "event__startswith",
        "request_id__startswith",
    )
    fields = readonly_fields = (
        "moment",
        "what",
        "outcome_told",
        "actor",
        "roles_told",
        "unit_name",
        "target",
        "changes_told",
        "reason",
        "address",
        "proxy",
        "request_id",
        "event",
    )
    change_form_template = "accounts/row_with_acts.html"
    change_list_template = "accounts/audit_list.html"

    # --- whose rows ----------------------------------------------------------------------

    def rows(self, request: HttpRequest, action: str = "view") -> QuerySet[AuditEvent]:
        """Nobody adds, changes or removes. Events of no unit, such as a failed login, are the auditor's alone."""
        if action != "view":
            return AuditEvent.objects.none()
        user = request.user
        seen = Q(pk__in=[])
        for unit_path in paths_for(user, "accounts.view_auditevent"):
            seen |= Q(unit_path__startswith=unit_path) | Q(unit_path="")
        for unit_path in paths_for(user, "accounts.view_business_auditevent"):
            seen |= Q(unit_path__startswith=unit_path) & ~system_events()
        if user.has_perm("accounts.view_own_auditevent"):
            seen |= Q(actor=user)
        return AuditEvent.objects.filter(seen)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        named = Unit.objects.filter(path=OuterRef("unit_path")).order_by().values("name")[:1]
        return super().get_queryset(request).select_related("actor").annotate(named_unit=Subquery(named))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if obj is not None:
            return self.rows(request).filter(pk=obj.pk).exists()
        rights = ("view_auditevent", "view_business_auditevent", "view_own_auditevent")
        return any(request.user.has_perm(f"accounts.{right}") for right in rights)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns -------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def moment(self, event: AuditEvent) -> str:
        return f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("role"))
    def roles_told(self, event: AuditEvent) -> str:
        roles = [role for role in event.actor_role.split(",") if role in Role.values]
        return "、".join(str(Role(role).label) for role in roles) or "—"

    @admin.display(description=pgettext_lazy("audit", "what"), ordering="event")
    def what(self, event: AuditEvent) -> str:
        return words_for(event.event)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def outcome_told(self, event: AuditEvent) -> str:
        return str(OUTCOMES.get(event.outcome, event.outcome))

    @admin.display(description=gettext_lazy("unit"))
    def unit_name(self, event: AuditEvent) -> str:
        return getattr(event, "named_unit", None) or "—"

    @admin.display(description=gettext_lazy("object"))
    def target(self, event: AuditEvent) -> str:
        return f"{words_for_model(event.target_type)} {event.target_id}".strip() or "—"

    @admin.display(description=gettext_lazy("changes"))
    def changes_told(self, event: AuditEvent) -> str:
        return "\n".join(f"{name}: {_change(value)}" for name, value in event.changes.items()) or "—"

    # --- the auditor's own pages ---------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("chain/", view(self.chain), name="accounts_auditevent_chain"),
            path("chain/verify/", view(self.start_verifying), name="accounts_auditevent_verify"),
            path("export/", view(self.export), name="accounts_auditevent_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "may_verify": request.user.has_perm("accounts.verify_auditevent"),
            "may_export": request.user.has_perm("accounts.export_auditevent"),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def chain(self, request: HttpRequest) -> HttpResponse:
        """How far the trail is sealed, its head, and what the last verification found."""
        _must(request, "accounts.verify_auditevent")
        last = Job.objects.filter(kind=sealing.VERIFY_JOB).order_by("-pk").first()
        problems = last.result.get("problems", []) if last else []
        context = {
            **self.admin_site.each_context(request),
            "title": _("Seal of the audit trail"),
            "crumbs": [(reverse("admin:accounts_auditevent_changelist"), self.opts.verbose_name_plural)],
            "state": sealing.chain_state(),
            "last": last,
            "problems": [{**problem, "words": PROBLEMS.get(problem["kind"], "")} for problem in problems],
        }
        return TemplateResponse(request, "accounts/audit_chain.html", context)

    def start_verifying(self, request: HttpRequest) -> HttpResponse:
        _must(request, "accounts.verify_auditevent")
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:accounts_auditevent_chain"))
        (unit_path, *_others) = paths_for(request.user, "accounts.verify_auditevent")
        job = jobs.enqueue(sealing.VERIFY_JOB, {}, by=request.user, key="trail", scope=unit_path)
        return HttpResponseRedirect(reverse("accounts:job", args=[job.pk]))

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The events of the list as it is filtered, as CSV. Leaves an event with the number of rows and a checksum."""
        _must(request, "accounts.export_auditevent")
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:accounts_auditevent_changelist"))
        rows = self.get_changelist_instance(request).get_queryset(request)[:EXPORT_LIMIT]
        contents = _csv(rows, f"{request.user} {timezone.localtime():%Y-%m-%d %H:%M}")
        with transaction.atomic():
            audit.record(
                "audit.export_trail",
                actor=request.user,
                changes={
                    "filter": request.GET.urlencode(),
                    "rows": contents.count("\r\n") - 2,
                    "sha256": hashlib.sha256(contents.encode()).hexdigest(),
                },
            )
        name = f"audit-{timezone.localtime():%Y%m%d-%H%M}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse("\ufeff" + contents, content_type="text/csv; charset=utf-8", headers=headers)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"hide_history": True, **(extra_context or {})})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise PermissionDenied


def _must(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _change(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{_told(value[0])} → {_told(value[1])}"
    return _told(value)


def _told(value: Any) -> str:
    return "—" if value is None or value == "" else str(value)


class _Lines:
    """Collects what the csv writer writes."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> None:
        self.parts.append(text)


def _csv(events: QuerySet[AuditEvent], maker: str) -> str:
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow([_text(maker)])
    writer.writerow(
        ["id", "time", "event", "outcome", "user", "role", "unit", "object", "changes", "reason", "address", "request"]
    )
    for row in _rows(events):
        writer.writerow([_text(cell) for cell in row])
    return "".join(lines.parts)


def _rows(events: QuerySet[AuditEvent]) -> Iterator[list[Any]]:
    for event in events.annotate(username=F("actor__username")):
        yield [
            event.pk,
            timezone.localtime(event.at).isoformat(timespec="seconds"),
            event.event,
            event.outcome,
            event.username or "",
            event.actor_role,
            getattr(event, "named_unit", None) or event.unit_path,
            f"{event.target_type} {event.target_id}".strip(),
            "; ".join(f"{name}: {_change(value)}" for name, value in event.changes.items()),
            event.reason,
            event.address,
            event.request_id,
        ]


def _text(value: Any) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

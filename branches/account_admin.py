"""Accounts and jobs, for the system administrator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import codes, logins, services
from accounts.models import Job, User
from branches.act_pages import Act, ActPagesMixin
from branches.forms import DayField
from branches.models import Membership
from branches.scoped_admin import ScopedForm, ScopedModelAdmin
from branches.scoping import paths_for


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=200)


def one_time_page(request: HttpRequest, user: User, password: str) -> HttpResponse:
    """The password, shown once. It is in no message, session or log."""
    context = {
        "title": _("Password for one use"),
        "account": user,
        "password": password,
        "crumbs": [(reverse("admin:accounts_user_changelist"), _("Accounts"))],
        "back": reverse("admin:accounts_user_change", args=[user.pk]),
    }
    return TemplateResponse(request, "accounts/one_time_password.html", context)


def _reset(request: HttpRequest, user: User, values: dict[str, Any]) -> HttpResponse:
    return one_time_page(request, user, services.reset_password(user, by=request.user, now=timezone.now()))


def _unlock(request: HttpRequest, user: User, values: dict[str, Any]) -> Promise:
    services.unlock_user(user, by=request.user)
    return _("The account may try again at once.")


def _take_off_code(request: HttpRequest, user: User, values: dict[str, Any]) -> Promise:
    codes.take_off(user, by=request.user)
    return _("The app is taken off; the next login sets it up again.")


def _disable(request: HttpRequest, user: User, values: dict[str, Any]) -> Promise:
    services.disable_user(user, by=request.user, reason=values["reason"], now=timezone.now())
    return _("The account is disabled and its sessions have ended.")


def _enable(request: HttpRequest, user: User, values: dict[str, Any]) -> HttpResponse:
    password = services.enable_user(user, by=request.user, reason=values["reason"], now=timezone.now())
    return one_time_page(request, user, password)


class UserForm(ScopedForm):
    username = forms.CharField(
        label=_("user name"), max_length=40, help_text=_("3 to 40 small letters, digits, points and hyphens.")
    )
    name = forms.CharField(label=_("person's name"), max_length=60)
    active_until = DayField(
        label=_("active until"), required=False, help_text=_("The last day of the account; empty for no end.")
    )

    class Meta:
        model = User
        fields = ("username", "name", "phone", "active_until")

    def clean_username(self) -> str:
        return services.free_username(self.cleaned_data["username"])


@admin.register(User)
class UserAdmin(ActPagesMixin):
    """Names and states of accounts. What somebody may do is a role at a unit, on its own page."""

    form = UserForm
    list_display = ("username", "person", "roles_held", "is_active", "last_login", "active_until")
    empty_value_display = "—"
    list_filter = ("is_active",)
    search_fields = ("username__startswith", "name__startswith")
    is_audited_by_service = True
    fields = ("username", "name", "phone", "active_until")
    acts = (
        Act(
            name="reset_password",
            label=_("Reset the password"),
            explanation=_("The account gets a password for one use, which is shown to you once. All its sessions end."),
            permission="change",
            run=_reset,
            is_offered=lambda user: user.is_active,
            needs_password=True,
        ),
        Act(
            name="unlock",
            label=_("Unlock"),
            explanation=_("After five wrong passwords a name is locked for 15 minutes. This ends the wait."),
            permission="change",
            run=_unlock,
            is_offered=logins.is_locked,
        ),
        Act(
            name="take_off_code",
            label=_("Take off the code app"),
            explanation=_(
                "For a lost or new phone. The next login sets up the app again. All sessions of the account end."
            ),
            permission="change",
            run=_take_off_code,
            is_offered=codes.is_set_up,
            needs_password=True,
        ),
        Act(
            name="disable",
            label=_("Disable"),
            explanation=_("Nobody can log in with this account any more, and its sessions end now. What it did stays."),
            permission="change",
            run=_disable,
            form=ReasonForm,
            is_offered=lambda user: user.is_active,
            is_danger=True,
        ),
        Act(
            name="enable",
            label=_("Enable"),
            explanation=_("The account opens again, with a password for one use, which is shown to you once."),
            permission="change",
            run=_enable,
            form=ReasonForm,
            is_offered=lambda user: not user.is_active,
            needs_password=True,
        ),
    )

    def rows(self, request: HttpRequest, action: str = "view") -> QuerySet[User]:
        """Accounts are rows of no unit: those with a role in the administrator's area, and those without any role."""
        paths = paths_for(request.user, f"accounts.{action}_user")
        if not paths:
            return User.objects.none()
        roles = Membership.objects.filter(user=OuterRef("pk"))
        area = Q()
        for path in paths:
            area |= Q(unit__path__startswith=path)
        return User.objects.filter(Exists(roles.filter(area)) | ~Exists(roles))

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("memberships__unit")

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        first = (None, {"fields": self.fields})
        if obj is None:
            return [first]
        told = ("roles_held", "is_active", "is_locked", "must_change_password", "password_changed_at", "last_login")
        return [first, (_("State"), {"fields": told})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        told = ("roles_held", "is_active", "is_locked", "must_change_password", "password_changed_at", "last_login")
        return ("username", *told, "created_at")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"hide_history": True, **(extra_context or {})})

    @admin.display(description=_("person's name"), ordering="name")
    def person(self, user: User) -> str:
        return user.name

    @admin.display(description=_("roles"))
    def roles_held(self, user: User) -> str:
        today = timezone.localdate()
        held = [
            f"{membership.unit.name} {membership.get_role_display()}"
            for membership in user.memberships.all()
            if membership.confirmed_by_id and (membership.valid_to is None or membership.valid_to >= today)
        ]
        return "、".join(held) or "—"

    @admin.display(description=_("locked"), boolean=True)
    def is_locked(self, user: User) -> bool:
        return logins.is_locked(user)

    def store(self, request: HttpRequest, obj: Any, form: ScopedForm, change: bool) -> None:
        values = form.cleaned_data
        if change:
            services.change_user(
                User.objects.get(pk=obj.pk),
                name=values["name"],
                phone=values["phone"],
                active_until=values["active_until"],
                by=request.user,
            )
            return
        user, request.one_time_password = services.create_user(  # type: ignore[attr-defined]
            values["username"],
            values["name"],
            phone=values["phone"],
            active_until=values["active_until"],
            by=request.user,
            now=timezone.now(),
        )
        obj.pk = user.pk

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        return one_time_page(request, obj, request.one_time_password)  # type: ignore[attr-defined]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The trail is read by the auditor, not by who keeps the accounts."""
        raise PermissionDenied


@admin.register(Job)
class JobAdmin(ScopedModelAdmin):
    """What runs outside requests. Read only, besides cancelling what hangs."""

    list_display = ("kind", "state", "requested_by", "attempt", "progress", "told", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("requested_by",)
    search_fields = ("kind__startswith",)
    actions = ("cancel_jobs",)
    change_form_template = "accounts/row_with_acts.html"
    fields = readonly_fields = (
        "kind",
        "state",
        "requested_by",
        "attempt",
        "progress",
        "told",
        "created_at",
        "heartbeat_at",
        "finished_at",
    )

    def rows(self, request: HttpRequest, action: str = "view") -> QuerySet[Job]:
        """Jobs of the administrator's area, and those of no unit, such as cleaning up."""
        paths = paths_for(request.user, f"accounts.{action}_job")
        if not paths:
            return Job.objects.none()
        area = Q(unit_path="")
        for path in paths:
            area |= Q(unit_path__startswith=path)
        return Job.objects.filter(area)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"hide_history": True, **(extra_context or {})})

    @admin.display(description=_("progress"))
    def progress(self, job: Job) -> str:
        return f"{job.done} / {job.total}" if job.total else "—"

    @admin.display(description=_("message"))
    def told(self, job: Job) -> str:
        return gettext(job.message) if job.message else ""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_cancel_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "cancel", obj)

    @admin.action(description=_("Cancel the selected jobs"), permissions=["cancel"])
    def cancel_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = sum(services.cancel_job(job, by=request.user) for job in queryset)
        text = ngettext("%(count)d job was cancelled.", "%(count)d jobs were cancelled.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise PermissionDenied

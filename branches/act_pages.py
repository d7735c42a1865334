"""Acts on one row that are more than a change of fields: a page of its own that says what will happen, then does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise

from accounts.reauth import require_recent_password
from branches.scoped_admin import ScopedModelAdmin


@dataclass(frozen=True, kw_only=True)
class Act:
    """`run` gets the request, the row and the cleaned values; it returns what to tell, or a page to show.

    `permission` is the action asked of the scope; `is_offered` whether the row's state allows the
    act at all; `needs_password` whether the password must have been given within ten minutes.
    """

    name: str
    label: str | Promise
    explanation: str | Promise
    permission: str
    run: Callable[[HttpRequest, Any, dict[str, Any]], str | Promise | HttpResponse]
    form: type[forms.Form] = forms.Form
    is_offered: Callable[[Any], bool] = lambda row: True
    needs_password: bool = False
    is_danger: bool = False


class ActPagesMixin(ScopedModelAdmin):
    """Offers the acts as buttons on the row's page and serves their pages at `<id>/<act>/`."""

    acts: ClassVar[tuple[Act, ...]] = ()
    change_form_template = "accounts/row_with_acts.html"

    def get_urls(self) -> list[URLPattern]:
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path(
                f"<int:pk>/{act.name}/",
                self.admin_site.admin_view(partial(self._act_page, act)),
                name=f"{info}_{act.name}",
            )
            for act in self.acts
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        acts = [] if row is None else [(act, self._address(act, row)) for act in self._offered(request, row)]
        context = {"acts": acts, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def _offered(self, request: HttpRequest, row: Model) -> list[Act]:
        return [act for act in self.acts if act.is_offered(row) and self._may(request, act.permission, row)]

    def told(self, row: Any) -> str:
        """The row in words, on the page of an act."""
        return str(row)

    def _address(self, act: Act, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{act.name}", args=[row.pk])

    def _act_page(self, act: Act, request: HttpRequest, pk: int) -> HttpResponseBase:
        """404 for a row out of sight, 403 for one the user may not do this to."""
        row = self.rows(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        if not self._may(request, act.permission, row):
            raise PermissionDenied
        if act.needs_password and (answer := require_recent_password(request)):
            return answer
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._done(request, row, act.run(request, row, form.cleaned_data))
            except ValidationError as error:
                form.add_error(None, error)
        return self._ask(act, request, row, form)

    def _done(self, request: HttpRequest, row: Model, told: str | Promise | HttpResponse) -> HttpResponse:
        if isinstance(told, HttpResponse):
            return told
        messages.success(request, str(told))
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        return HttpResponseRedirect(reverse(f"admin:{info}_change", args=[row.pk]))

    def _ask(self, act: Act, request: HttpRequest, row: Model, form: forms.Form) -> HttpResponse:
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        here = reverse(f"admin:{info}_change", args=[row.pk])
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "crumbs": [(reverse(f"admin:{info}_changelist"), self.opts.verbose_name_plural), (here, self.told(row))],
            "act": act,
            "row": self.told(row),
            "form": form,
            "back": here,
        }
        return TemplateResponse(request, "accounts/act.html", context)

"""Papers: the list of a row's papers for its page, upload, and the only way to a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from branches.scoping import fetch, rows_with
from collective_economy.models import Attachment, Payment, Project
from collective_economy.services import attachments
from imports.upload_limit import is_too_large

MOST_AT_ONCE = 10


def papers_context(request: HttpRequest, parent: Model) -> dict[str, Any]:
    """What `collective_economy/_attachments.html` needs. The caller has fetched the parent in the reader's scope."""
    return {
        "papers": list(attachments.papers_of(parent, request.user)),
        "papers_kind": attachments.field_of(parent),
        "papers_of": parent.pk,
        "may_attach": may_attach(request.user, parent),
    }


def may_attach(user: User, parent: Model) -> bool:
    """Whether the user may add papers at the place of this row."""
    rows: Any = type(parent)._default_manager.filter(pk=parent.pk)
    return rows_with(user, rows, "collective_economy.add_attachment").exists()


@require_POST
def attachment_add(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Up to ten files for one row: all of them or none."""
    parent = _parent(request.user, kind, pk)
    if not may_attach(request.user, parent):
        raise PermissionDenied
    uploads = request.FILES.getlist("file")
    try:
        _attach(request, parent, uploads)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = ngettext("%(count)d paper is attached.", "%(count)d papers are attached.", len(uploads))
        messages.success(request, words % {"count": len(uploads)})
    return redirect(_back(request))


@transaction.atomic
def _attach(request: HttpRequest, parent: Model, uploads: list[UploadedFile]) -> None:
    if is_too_large(request):
        raise ValidationError(_("A file may have at most 5 MB."), "too_large")
    if not uploads:
        raise ValidationError(_("Choose a file first."), "no_file")
    if len(uploads) > MOST_AT_ONCE:
        words = _("Choose at most %(most)d files at once.") % {"most": MOST_AT_ONCE}
        raise ValidationError(words, "too_many")
    for upload in uploads:
        try:
            attachments.attach(parent=parent, upload=upload, by=request.user, now=timezone.now())
        except ValidationError as error:
            raise ValidationError([f"{upload.name}: {words}" for words in error.messages]) from error


@require_GET
def attachment(request: HttpRequest, pk: int) -> HttpResponse:
    """The file, for who sees what it belongs to. 404 otherwise, whether or not it exists."""
    paper: Attachment | None = attachments.papers_for(request.user).filter(pk=pk).first()
    if paper is None:
        raise Http404
    parent = attachments.parent_of(paper)
    _fetch(request.user, type(parent), parent.pk)
    content = attachments.download(paper, by=request.user)
    response = HttpResponse(content, content_type=attachments.MEDIA_TYPES[paper.content_type])
    response.headers["Content-Disposition"] = content_disposition_header(True, paper.name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _parent(user: User, kind: str, pk: int) -> Any:
    if kind not in attachments.PARENTS:
        raise Http404
    return _fetch(user, attachments.PARENTS[kind], pk)


def _fetch(user: User, model: type[Model], pk: int) -> Any:
    """The row in the user's sight; a payment is seen by who sees its project."""
    if model is not Payment:
        return fetch(user, model, pk)
    payment = Payment.objects.filter(pk=pk).first()
    if payment is None:
        raise Http404
    fetch(user, Project, payment.project_id)
    return payment


def _back(request: HttpRequest) -> str:
    """To the page from which the file was sent."""
    to = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(to, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return f"{to}#papers" if is_ours and to.startswith("/") else reverse("admin:index")

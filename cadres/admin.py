"""People in the admin: lists to search and filter, within scope, to be read.

Everything is written on the portal's own pages, which call the services. The identity number is in no
list, filter, search or form here; discipline and the register of talents have no list here at all.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, pgettext

from branches.scoped_admin import ScopedModelAdmin
from cadres import education, words
from cadres.models import Commendation, Person, Posting, Residency, Training


class ReadOnlyAdmin(ScopedModelAdmin):
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    list_display = ("name", "unit", "gender", "birth", "education_told", "political_told", "masked_phone")
    list_filter = ("gender",)
    list_select_related = ("unit",)
    search_fields = ("name__startswith", "initials__startswith", "unit__name__startswith")
    fields = readonly_fields = (
        "name",
        "unit",
        "gender",
        "birth",
        "political_told",
        "joined_on",
        "full_member_on",
        "education_told",
        "major",
        "masked_phone",
        "page",
    )

    @admin.display(description=gettext_lazy("education"))
    def education_told(self, person: Person) -> str:
        return str(education.name_of(person.education) or person.education_words)

    @admin.display(description=gettext_lazy("political status"))
    def political_told(self, person: Person) -> str:
        return words.political(person.political)

    @admin.display(description=gettext_lazy("phone"))
    def masked_phone(self, person: Person) -> str:
        return words.masked_phone(person.phone)

    @admin.display(description=gettext_lazy("page of the person"))
    def page(self, person: Person) -> SafeString:
        return _page(person)


def _page(person: Person) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("cadres:person", args=[person.pk]), pgettext("link", "open"))


class AboutPersonAdmin(ReadOnlyAdmin):
    """Rows that belong to somebody; they are changed on that person's page."""

    list_select_related: ClassVar[Any] = ("person", "unit")
    search_fields = ("person__name__startswith", "person__initials__startswith")

    @admin.display(description=gettext_lazy("page of the person"))
    def page(self, row: Any) -> SafeString:
        return _page(row.person)


@admin.register(Posting)
class PostingAdmin(AboutPersonAdmin):
    list_display = ("person", "unit", "post", "words", "started_on", "ended_on", "ending")
    list_filter = ("post", "mode", "change", "ending")
    fields = readonly_fields = (
        "person", "unit", "post", "words", "mode", "change", "document", "started_on", "ended_on", "ending", "page",
    )  # fmt: skip


@admin.register(Residency)
class ResidencyAdmin(AboutPersonAdmin):
    list_display = ("person", "unit", "role", "sent_by", "started_on", "ended_on", "ending")
    list_filter = ("role", "ending")
    fields = readonly_fields = (
        "person", "unit", "role", "sent_by", "started_on", "ended_on", "ending", "ending_note", "page",
    )  # fmt: skip


@admin.register(Commendation)
class CommendationAdmin(AboutPersonAdmin):
    list_display = ("title", "person", "level", "awarded_by", "awarded_on")
    list_filter = ("level",)
    list_select_related: ClassVar[Any] = ("person",)
    date_hierarchy = "awarded_on"
    fields = readonly_fields = ("person", "title", "level", "awarded_by", "awarded_on", "document", "page")


@admin.register(Training)
class TrainingAdmin(ReadOnlyAdmin):
    list_display = ("title", "kind", "unit", "held_on", "ends_on", "hours", "organiser")
    list_filter = ("kind",)
    list_select_related = ("unit",)
    search_fields = ("title__startswith",)
    date_hierarchy = "held_on"
    fields = readonly_fields = ("title", "kind", "unit", "held_on", "ends_on", "hours", "organiser", "place")

"""The admin's seven doors past the row scope, each tried from the other township (docs/rules/scope.md)."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches import scoped_admin
from branches.admin import BranchAdmin
from branches.checks import problems_of
from branches.models import Branch, Unit, WorkdayException
from branches.scoped_admin import CappedPaginator, ScopedModelAdmin
from branches.versions import Conflict, claim_version
from tests.branches.conftest import queries_of
from tests.conftest import grant, make_user

CANARY = "金丝雀支部"


@pytest.fixture
def branches(county: Unit) -> dict[str, Branch]:
    own = Branch.objects.create(unit=Unit.objects.get(name="东一村"), name="东一村党支部")
    foreign = Branch.objects.create(unit=Unit.objects.get(name="西一村"), name=CANARY)
    return {"own": own, "foreign": foreign}


@pytest.fixture
def east_client(client: Client, east_editor: User) -> Client:
    client.force_login(east_editor)
    return client


def form_of(branch: Branch, **changes: object) -> dict[str, object]:
    values = {
        "name": branch.name,
        "kind": branch.kind,
        "is_leading": "on" if branch.is_leading else "",
        "parent": branch.parent_id or "",
        "member_count": branch.member_count or "",
        "established_on": branch.established_on or "",
        "next_election_on": branch.next_election_on or "",
        "valid_to": branch.valid_to or "",
        "base_version": branch.version,
    }
    return values | changes


def text(response: HttpResponse) -> str:
    return response.content.decode()


def test_the_list_shows_own_rows_only(east_client: Client, branches: dict[str, Branch]) -> None:
    page = text(east_client.get("/branches/branch/"))
    assert "东一村党支部" in page
    assert CANARY not in page


def test_a_foreign_row_is_answered_like_a_missing_one(east_client: Client, branches: dict[str, Branch]) -> None:
    foreign, missing = branches["foreign"].pk, 999_999
    for page in ("change", "history"):
        answers = [east_client.get(f"/branches/branch/{pk}/{page}/", follow=True) for pk in (foreign, missing)]
        assert [a.redirect_chain for a in answers] == [[("/", 302)], [("/", 302)]]
        assert CANARY not in text(answers[0])


def test_door_1_a_foreign_key_neither_offers_nor_accepts_a_foreign_row(
    east_client: Client, branches: dict[str, Branch], settings: object
) -> None:
    own, foreign = branches["own"], branches["foreign"]
    page = east_client.post(f"/branches/branch/{own.pk}/change/", form_of(own, parent=foreign.pk))
    assert page.status_code == 200
    assert "parent" in page.context["adminform"].form.errors
    assert CANARY not in text(page)
    own.refresh_from_db()
    assert own.parent is None


def test_door_1_autocomplete_finds_own_rows_only(east_client: Client, branches: dict[str, Branch]) -> None:
    query = {"app_label": "branches", "model_name": "branch", "field_name": "parent", "term": ""}
    found = east_client.get("/autocomplete/", query).json()["results"]
    assert [row["text"] for row in found] == ["东一村党支部"]
    assert east_client.get("/autocomplete/", query | {"term": "金丝雀"}).json()["results"] == []


def test_door_2_list_filters_name_own_rows_only(
    rf: RequestFactory, branches: dict[str, Branch], east_editor: User
) -> None:
    class FilteredAdmin(BranchAdmin):
        list_filter = ("unit", "kind")

    request = rf.get("/branches/branch/")
    request.user = east_editor
    model_admin = FilteredAdmin(Branch, admin.site)
    changelist = model_admin.get_changelist_instance(request)
    assert [
        [str(label) for _pk, label in spec.lookup_choices]
        for spec in changelist.filter_specs
        if hasattr(spec, "lookup_choices")
    ] == []
    grant(east_editor, Role.TS, Unit.objects.get(name="西二村"))
    Branch.objects.create(unit=Unit.objects.get(name="西二村"), name="西二村党支部")
    request.user = User.objects.get(pk=east_editor.pk)
    changelist = model_admin.get_changelist_instance(request)
    names = [
        str(label)
        for spec in changelist.filter_specs
        if hasattr(spec, "lookup_choices")
        for _pk, label in spec.lookup_choices
    ]
    assert names == ["东一村", "西二村"]


def test_door_3_object_permissions_look_at_the_object(
    rf: RequestFactory, branches: dict[str, Branch], east_editor: User
) -> None:
    request = rf.get("/")
    request.user = east_editor
    model_admin = BranchAdmin(Branch, admin.site)
    assert model_admin.has_change_permission(request)
    assert model_admin.has_change_permission(request, branches["own"])
    assert not model_admin.has_change_permission(request, branches["foreign"])
    assert not model_admin.has_view_permission(request, branches["foreign"])


def test_a_reader_may_not_write_in_scope(client: Client, branches: dict[str, Branch], county_viewer: User) -> None:
    client.force_login(county_viewer)
    own = branches["own"]
    assert client.get(f"/branches/branch/{own.pk}/change/").status_code == 200
    assert client.post(f"/branches/branch/{own.pk}/change/", form_of(own, name="改名")).status_code == 403
    own.refresh_from_db()
    assert own.name == "东一村党支部"


def test_door_4_an_action_runs_on_the_rows_of_its_own_right(rf: RequestFactory, branches: dict[str, Branch]) -> None:
    """He sees the county and keeps one township: what he may only see is left out and counted."""
    touched: list[str] = []

    class ActingAdmin(BranchAdmin):
        actions = ("touch",)

        @admin.action(description="touch", permissions=["change"])
        def touch(self, request: HttpRequest, queryset: QuerySet[Branch]) -> None:
            touched.extend(queryset.values_list("name", flat=True))

    user = make_user("both", Role.CL, Unit.objects.get(name="青禾县"))
    grant(user, Role.TS, Unit.objects.get(name="东乡"))
    request = rf.post("/branches/branch/", {"action": "touch", "_selected_action": [b.pk for b in branches.values()]})
    request.user = user
    said: list[str] = []
    model_admin = ActingAdmin(Branch, admin.site)
    model_admin.message_user = lambda _request, message, *args, **kwargs: said.append(str(message))  # type: ignore[method-assign]
    assert "delete_selected" not in model_admin.get_actions(request)
    model_admin.response_action(request, model_admin.get_queryset(request))
    assert touched == ["东一村党支部"]
    assert len(said) == 1
    assert "1" in said[0]


def test_door_5_what_leaves_the_scope_is_rolled_back(client: Client, branches: dict[str, Branch]) -> None:
    """He sees the county and keeps one township, so he could offer a branch to the other township."""

    class MovingAdmin(BranchAdmin):
        def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
            return ()

    user = make_user("both", Role.CL, Unit.objects.get(name="青禾县"))
    grant(user, Role.TS, Unit.objects.get(name="东乡"))
    own, west = branches["own"], Unit.objects.get(name="西二村")
    request = RequestFactory().post("/", form_of(own, unit=west.pk, name="迁出"))
    request.user = user
    request._dont_enforce_csrf_checks = True
    response = MovingAdmin(Branch, admin.site).changeform_view(request, str(own.pk))
    assert response.status_code == 200
    form = response.context_data["adminform"].form
    assert form.errors.as_data()["__all__"][0].code == "left_scope"
    assert form["name"].value() == "迁出"
    own.refresh_from_db()
    assert (own.unit.name, own.name, own.version) == ("东一村", "东一村党支部", 1)
    assert not AuditEvent.objects.filter(event="branches.change_branch").exists()


def test_door_6_the_delete_page_is_closed(client: Client, branches: dict[str, Branch], county_admin: User) -> None:
    client.force_login(county_admin)
    for method in (client.get, client.post):
        assert method(f"/branches/branch/{branches['own'].pk}/delete/").status_code == 403
    client.post(
        "/branches/branch/", {"action": "delete_selected", "_selected_action": [branches["own"].pk], "post": "yes"}
    )
    assert Branch.objects.count() == 2


@pytest.mark.parametrize(
    "query",
    [
        "name__startswith=金",
        "unit__name=西一村",
        "parent__unit__path__startswith=0001",
        "unit__id__exact=1",
        "version=1",
    ],
)
def test_door_7_only_declared_filters_are_answered(
    east_client: Client, branches: dict[str, Branch], query: str
) -> None:
    assert east_client.get(f"/branches/branch/?{query}").status_code == 400


@pytest.mark.parametrize("query", ["kind__exact=branch", "is_leading__exact=1", "q=东", "o=1", "p=1"])
def test_declared_filters_are_answered(east_client: Client, branches: dict[str, Branch], query: str) -> None:
    page = east_client.get(f"/branches/branch/?{query}")
    assert page.status_code == 200
    assert "东一村党支部" in text(page)


def test_date_hierarchy_is_a_declared_filter(client: Client, county_admin: User, county: Unit) -> None:
    WorkdayException.objects.create(unit=county, day=date(2026, 10, 1), is_workday=False, label="国庆节")
    client.force_login(county_admin)
    assert "国庆节" in text(client.get("/branches/workdayexception/?day__year=2026"))
    assert client.get("/branches/workdayexception/?label__contains=国").status_code == 400


def test_a_save_is_told_in_the_audit_trail(east_client: Client, branches: dict[str, Branch], east_editor: User) -> None:
    own = branches["own"]
    east_client.post(f"/branches/branch/{own.pk}/change/", form_of(own, member_count=31))
    own.refresh_from_db()
    assert (own.member_count, own.version) == (31, 2)
    event = AuditEvent.objects.get(event="branches.change_branch")
    assert event.changes == {"member_count": [None, 31]}
    assert (event.actor, event.target_id, event.unit_path) == (east_editor, str(own.pk), own.unit.path)
    history = text(east_client.get(f"/branches/branch/{own.pk}/history/"))
    assert "31" in history
    assert "east_editor" in history


def test_saving_without_a_change_is_no_event(east_client: Client, branches: dict[str, Branch]) -> None:
    east_client.post(f"/branches/branch/{branches['own'].pk}/change/", form_of(branches["own"]))
    assert not AuditEvent.objects.filter(event="branches.change_branch").exists()


def test_the_second_of_two_editors_is_shown_both_values_and_chooses(
    east_client: Client, branches: dict[str, Branch], county_admin: User
) -> None:
    own = branches["own"]
    other = Client()
    other.force_login(county_admin)
    other.post(f"/branches/branch/{own.pk}/change/", form_of(own, member_count=40))
    page = east_client.post(f"/branches/branch/{own.pk}/change/", form_of(own, member_count=35))
    form = page.context["adminform"].form
    assert form.errors.as_data()["member_count"][0].params == {"value": 40}
    assert "county_admin" in str(form.errors["__all__"][0])
    assert form["member_count"].value() == "35"
    own.refresh_from_db()
    assert own.member_count == 40
    assert form["base_version"].value() == "2"
    east_client.post(f"/branches/branch/{own.pk}/change/", form_of(own, member_count=35, base_version=2))
    own.refresh_from_db()
    assert (own.member_count, own.version) == (35, 3)


def test_a_version_is_claimed_once(branches: dict[str, Branch]) -> None:
    claim_version(branches["own"], 1)
    with pytest.raises(Conflict):
        claim_version(Branch.objects.get(pk=branches["own"].pk), 1)


def test_a_save_that_names_no_version_is_a_conflict(east_client: Client, branches: dict[str, Branch]) -> None:
    own = branches["own"]
    values = form_of(own, member_count=7)
    del values["base_version"]
    assert east_client.post(f"/branches/branch/{own.pk}/change/", values).status_code == 200
    own.refresh_from_db()
    assert own.member_count is None


def test_counting_stops_at_the_cap(monkeypatch: pytest.MonkeyPatch, branches: dict[str, Branch]) -> None:
    monkeypatch.setattr(scoped_admin, "COUNT_CAP", 1)
    paginator = CappedPaginator(Branch.objects.order_by("pk"), 25)
    assert (paginator.count, paginator.is_capped) == (1, True)
    monkeypatch.setattr(scoped_admin, "COUNT_CAP", 2)
    paginator = CappedPaginator(Branch.objects.order_by("pk"), 25)
    assert (paginator.count, paginator.is_capped) == (2, False)
    assert issubclass(CappedPaginator, Paginator)


@pytest.mark.usefixtures("quiet_frame")
def test_the_list_asks_the_same_number_of_queries_for_one_and_for_three(
    east_client: Client, branches: dict[str, Branch]
) -> None:
    one = queries_of(east_client, "/branches/branch/")
    for name in ("东二村", "东三村"):
        Branch.objects.create(unit=Unit.objects.get(name=name), name=f"{name}党支部")
    assert queries_of(east_client, "/branches/branch/") == one <= 9


def test_the_start_up_check_refuses_what_looks_past_the_scope() -> None:
    class Plain(admin.ModelAdmin):
        pass

    class NoFields(ScopedModelAdmin):
        pass

    class RawIds(ScopedModelAdmin):
        fields = ("unit",)
        raw_id_fields = ("unit",)
        list_editable = ("unit",)

    class PlainInline(admin.TabularInline):
        model = Branch

    def touch(model_admin: object, request: object, queryset: object) -> None: ...

    class Inlines(ScopedModelAdmin):
        fields = ("unit",)
        inlines = (PlainInline,)
        actions = (touch,)

    found = {
        cls.__name__: [m.id for m in problems_of(cls(Branch, admin.site))] for cls in (Plain, NoFields, RawIds, Inlines)
    }
    assert found == {
        "Plain": ["branches.E001"],
        "NoFields": ["branches.E002"],
        "RawIds": ["branches.E003", "branches.E004"],
        "Inlines": ["branches.E006", "branches.E005"],
    }


def test_no_registered_admin_looks_past_the_scope() -> None:
    assert [m for model_admin in admin.site._registry.values() for m in problems_of(model_admin)] == []

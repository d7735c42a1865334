"""The frame of every page: menu, language, formats, shared pieces, error pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse
from django.utils import timezone, translation

from accounts.models import User
from accounts.roles import Role
from branches.models import Unit
from config import errors, formatting, views
from config.context import Portal
from config.menu import MENU, Entry, Group, menu_for, url_or_none
from config.urls import urlpatterns as real_urlpatterns
from tests.conftest import grant, make_user

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SPRITE = (ROOT / "templates" / "portal" / "_icons.svg").read_text(encoding="utf-8")
ICON_NAMES = frozenset(re.findall(r'id="i-([a-z0-9-]+)"', SPRITE))


def rendered(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


def request_of(user: User, path_: str = "/") -> HttpRequest:
    request = RequestFactory().get(path_)
    request.user = user
    return request


# --- A few views that fail, mounted beside the real ones ----------------------------------


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("“绩效报酬”只对县委组织部开放。")


def refuse_silently(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def break_down(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret inside of the server")


def take(request: HttpRequest) -> HttpResponse:
    return HttpResponse("taken")


def piece(request: HttpRequest) -> HttpResponse:
    return HttpResponse("piece")


handler400, handler403 = "config.errors.bad_request", "config.errors.forbidden"
handler404, handler500 = "config.errors.not_found", "config.errors.server_error"


def _guarded_piece(request: HttpRequest) -> HttpResponse:
    from django.contrib import admin  # noqa: PLC0415  (the default site exists once the apps are loaded)

    return admin.site.admin_view(piece)(request)


urlpatterns = [
    path("refuse/", refuse),
    path("refuse-silently/", refuse_silently),
    path("break/", break_down),
    path("api/break/", break_down),
    path("take/", take),
    path("piece/", _guarded_piece),
    path("components/", views.components),
    *real_urlpatterns,
]


# --- Language and formats -----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "fr", "zh-hant"])
def test_pages_speak_chinese_whatever_the_browser_prefers(client: Client, cookie: str) -> None:
    client.cookies["django_language"] = cookie
    response = client.get(reverse("admin:login"), headers={"accept-language": "en-GB,en"})
    assert '<html lang="zh-hans"' in response.content.decode()
    assert response.headers["Content-Language"] == "zh-hans"


@pytest.mark.django_db
def test_language_switch_is_kept(client: Client) -> None:
    response = client.post(reverse("set_language"), {"language": "en", "next": "/login/"})
    assert response.url == "/login/"
    page = client.get("/login/").content.decode()
    assert '<html lang="en"' in page
    assert "Show the password" in page
    assert translation.get_language() == "zh-hans"


@pytest.mark.parametrize("text", ["2026-11-03", "2026/11/3", "2026.11.3", "2026年11月3日"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_dates_are_accepted_as_people_type_them(text: str, language: str) -> None:
    with translation.override(language):
        assert forms.DateField().clean(text) == date(2026, 11, 3)


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (None, 2, "—"),
        (0, 0, "0"),
        (Decimal("0.004"), 2, "0.00"),
        (Decimal("-0.004"), 2, "0.00"),
        (Decimal("92.285"), 2, "92.29"),
        (Decimal("-2.5"), 0, "−3"),
        (4045, 2, "4,045.00"),
        (Decimal("-1234567.5"), 1, "−1,234,567.5"),
    ],
)
def test_figures_round_half_up_and_group_by_thousands(value: Decimal | int | None, places: int, text: str) -> None:
    assert formatting.figure(value, places) == text


@pytest.mark.parametrize(
    "write", [formatting.points, formatting.wan, formatting.yuan, formatting.percent, formatting.plain_figure]
)
def test_a_float_is_refused(write: Callable[[object], str]) -> None:
    with pytest.raises(TypeError):
        write(0.1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (formatting.wan(Decimal("40450000")), "4,045.00"),
        (formatting.wan(Decimal("50")), "0.01"),
        (formatting.wan(None), "—"),
        (formatting.yuan(Decimal("1699.50")), "1,700"),
        (formatting.percent(Decimal("78.95")), "79.0%"),
        (formatting.signed(Decimal("1.85")), "+1.85"),
        (formatting.signed(Decimal("-2.4")), "−2.40"),
        (formatting.signed(Decimal("0.004")), "持平"),
        (formatting.signed(None), "—"),
        (formatting.change_percent(7, 6), "+16.7%"),
        (formatting.change_percent(5, 5), "持平"),
        (formatting.change_percent(5, 0), "—"),
        (formatting.change_percent(None, 5), "—"),
        (formatting.plain_figure(Decimal("12.50")), "12.5"),
        (formatting.plain_figure(Decimal("1200")), "1,200"),
        (formatting.month_code(date(2026, 3, 1)), "2026-03"),
    ],
)
def test_other_figures(text: str, value: str) -> None:
    assert text == value


def test_dates_are_written_short_in_tables_and_long_in_text() -> None:
    day = date(2026, 11, 3)
    assert rendered("{{ d|day }}，{{ d|day_text }}，{{ d|month }}，{{ n|day }}", d=day, n=None) == (
        "2026-11-03，2026年11月3日，2026年11月，—"
    )
    with translation.override("en"):
        assert rendered("{{ d|month }}, {{ d|day_text }}", d=day) == "November 2026, 3 November 2026"


def test_moments_leave_the_year_out_within_it() -> None:
    now = timezone.localtime().replace(month=1, day=5, hour=14, minute=32)
    earlier = now.replace(year=now.year - 1)
    assert rendered("{{ t|moment }}", t=now) == "01-05 14:32"
    assert rendered("{{ t|moment }}", t=earlier) == f"{earlier.year}-01-05 14:32"


# --- Shared pieces ------------------------------------------------------------------------


def test_movement_has_a_shape_a_figure_and_hidden_words() -> None:
    up, down = rendered("{% movement 3 %}"), rendered("{% movement -2 %}")
    same, new = rendered("{% movement 0 %}"), rendered("{% movement n %}", n=None)
    assert "is-up" in up
    assert "上升</span>3<" in up
    assert "is-down" in down
    assert "下降</span>2<" in down
    assert "持平</span></span>" in same
    assert "新进" in new


def test_pieces_escape_what_they_are_given() -> None:
    bad = "<img src=x onerror=alert(1)>"
    for source in (
        "{% chip 'ok' t %}",
        "{% grade t 'top' %}",
        "{% alert 'bad' t t %}",
        "{% empty 'users' t t t t %}",
        "{% meter 1 2 t %}",
        "{% svgbar p 100 t %}",
        "{% spark v t %}",
        "{% steps l 1 %}",
        "{% flag 'held' t %}",
        "{% icon t %}",
    ):
        page = rendered(source, t=bad, p=[(1, 50)], v=[1, 2], l=[bad])
        assert "<img" not in page, source
        assert "&lt;img" in page, source


def test_unknown_tones_are_a_mistake_of_the_page() -> None:
    with pytest.raises(ValueError, match="grade tone"):
        rendered("{% grade 'x' 'best' %}")
    with pytest.raises(ValueError, match="flag state"):
        rendered("{% flag 'gone' %}")


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=5, minutes=1), '<span class="">还有 5 天 0 小时</span>'),
        (timedelta(days=1, hours=7, minutes=1), '<span class="p-brand p-strong">还有 1 天 7 小时</span>'),
        (timedelta(hours=3, minutes=20, seconds=30), '<span class="p-brand p-strong">还有 3 小时 20 分</span>'),
        (timedelta(minutes=-5), "逾期 1 天"),
        (timedelta(days=-2, minutes=-1), "逾期 2 天"),
    ],
)
def test_deadlines_grow_louder(left: timedelta, expected: str) -> None:
    assert expected in rendered("{% deadline due %}", due=timezone.now() + left)


def test_countdown_has_large_figures_and_small_units() -> None:
    now = timezone.now()
    assert (
        rendered("{% countdown t %}", t=now + timedelta(days=1, hours=7, minutes=1))
        == "1<small>天</small>7<small>小时</small>"
    )
    assert (
        rendered("{% countdown t %}", t=now + timedelta(minutes=80, seconds=9))
        == "1<small>小时</small>20<small>分</small>"
    )
    assert "逾期 3 天" in rendered("{% countdown t %}", t=now - timedelta(days=3, minutes=1))


def test_pager_of_one_page_says_only_how_many() -> None:
    request = RequestFactory().get("/x/")
    page = Paginator(range(3), 25).page(1)
    shown = Template("{% load portal %}{% pager page '村' %}{% pager page %}").render(
        Context({"request": request, "page": page})
    )
    assert "共 3 村" in shown
    assert "共 3 条" in shown
    assert "本页" not in shown


def test_stacked_bar_places_parts_one_after_another() -> None:
    page = rendered("{% svgbar parts 100 'x' %}", parts=[(1, Decimal("30.5")), (0, 20)])
    assert re.findall(r'class="f(\d)" x="([\d.]+)" y="0" width="([\d.]+)"', page) == [
        ("1", "0", "30.5"),
        ("0", "30.5", "20"),
    ]


def test_spark_leaves_a_gap_for_a_missing_month_and_turns_ranks_round() -> None:
    page = rendered("{% spark values 'x' %}", values=[1, 2, None, 3, 4])
    assert page.count("<polyline") == 2
    assert 'cx="92" cy="4"' in page
    ranks = rendered("{% spark values 'x' lower_is_better=True %}", values=[4, 1])
    assert 'points="4,20 92,4"' in ranks
    assert "<svg" not in rendered("{% spark values 'x' %}", values=[None, None])


def test_steps_mark_the_current_one() -> None:
    page = rendered("{% steps labels 2 %}", labels=["一", "二", "三"])
    assert re.findall(r'<li class="([a-z-]*)" aria-current="([a-z]+)">', page) == [
        ("is-done", "false"),
        ("is-now", "step"),
        ("", "false"),
    ]


def test_pager_keeps_the_other_conditions() -> None:
    request = RequestFactory().get("/x/?township=3&page=2")
    page = Paginator(range(100), 25).page(2)
    shown = Template("{% load portal %}{% pager page '村' %}").render(Context({"request": request, "page": page}))
    assert "共 100 村，本页第 26–50" in shown
    assert 'href="?township=3&amp;page=3" rel="next"' in shown
    assert '<span class="cur" aria-current="page">2</span>' in shown


class PlaceForm(forms.Form):
    name = forms.CharField(label="名称", help_text="不超过 60 字")
    is_open = forms.BooleanField(label="开放", required=False)


def test_a_refused_field_points_at_its_error_and_the_summary_at_the_field() -> None:
    form = PlaceForm({"name": ""})
    page = rendered("{% form_errors form %}{% field form.name %}{% field form.is_open %}", form=form)
    assert 'href="#id_name"' in page
    assert "没有保存，有 1 处要改：" in page
    assert 'aria-describedby="id_name_error id_name_helptext"' in page
    assert 'id="id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert '<label class="p-check"><input type="checkbox"' in page


@pytest.mark.django_db
def test_component_page_shows_every_piece(rf: RequestFactory, county_admin: User) -> None:
    request = rf.get("/components/")
    request.user = county_admin
    page = views.components(request).content.decode()
    for mark in (
        "p-chip is-ok",
        "p-grade is-top",
        "p-move is-up",
        "p-flag is-off",
        "p-steps",
        "p-spark",
        "p-svgbar",
        "p-pager",
    ):
        assert mark in page, mark
    assert "4,045.00" in page


# --- What templates may not hold ----------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path_: str(path_.relative_to(ROOT / "templates")))
def test_templates_have_no_inline_style_script_or_handler(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text)
    assert not re.search(r"\bhx-on|\bjs:", text)
    assert "//cdn" not in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path_: str(path_.relative_to(ROOT / "templates")))
def test_icons_named_in_templates_exist(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    named = set(re.findall(r'{%\s*(?:icon|empty)\s+"([a-z0-9-]+)"', text))
    named |= set(re.findall(r'{%\s*chip\s+"[a-z]*"\s+\S+\s+"([a-z0-9-]+)"', text))
    assert named <= ICON_NAMES


def test_icons_of_the_menu_exist() -> None:
    assert {entry.icon for group in MENU for entry in group.entries} <= ICON_NAMES


def test_every_entry_of_the_menu_leads_somewhere_and_has_an_icon_of_its_own() -> None:
    entries = [entry for group in MENU for entry in group.entries]
    assert [entry.url_name for entry in entries if url_or_none(entry.url_name) is None] == []
    assert len({entry.icon for entry in entries}) == len(entries)


def test_vendored_files_are_those_that_were_checked() -> None:
    folder = ROOT / "static" / "vendor"
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {"SHA256SUMS"}
    assert there == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_style_sheet_keeps_to_the_oldest_browser() -> None:
    css = (ROOT / "static" / "css" / "portal.css").read_text(encoding="utf-8")
    rules = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    for young in (
        ":has(",
        "@container",
        "@layer",
        "color-mix(",
        "oklch(",
        "subgrid",
        "dvh",
        "light-dark(",
        "@import",
        "http",
    ):
        assert young not in rules, young


# --- Menu and header ----------------------------------------------------------------------


@pytest.mark.django_db
def test_entries_without_permission_are_absent(
    county_admin: User, county: Unit, east_editor: User, newcomer: User
) -> None:
    system_admin = make_user("system", Role.SA, county)

    def labels(user: User) -> set[str]:
        return {str(item.label) for group in menu_for(request_of(user), {}) for item in group.items}

    assert "工作台" in labels(newcomer)
    assert labels(newcomer) <= {"工作台", "待办事项"}
    assert "乡镇与村" in labels(east_editor)
    assert "账号" not in labels(county_admin)
    assert "数据填报" not in labels(system_admin)


@pytest.mark.django_db
def test_the_entry_of_the_page_is_marked_and_no_other(county_admin: User) -> None:
    changelist = reverse("admin:branches_unit_changelist")
    for address, current in ((f"{changelist}5/change/", changelist), ("/", "/"), ("/password_change/", None)):
        items = [item for group in menu_for(request_of(county_admin, address), {}) for item in group.items]
        assert [item.url for item in items if item.is_current] == ([current] if current else [])


@pytest.mark.django_db
def test_counts_stand_at_their_entry_and_the_bell(rf: RequestFactory, county_admin: User) -> None:
    request = request_of(county_admin)
    request.portal_counts = lambda: {"units": 7, "todo": 3}  # type: ignore[attr-defined]
    entry = Entry(label="x", icon="home", url_name="admin:branches_unit_changelist", count="units")
    with patch("config.menu.MENU", (Group("", (entry, Entry(label="y", icon="home", url_name="admin:index"))),)):
        frame = Portal(request)
        assert [item.count for group in frame.menu for item in group.items] == [7, 0]
    assert frame.todo_count == 3


@pytest.mark.django_db
def test_header_names_county_person_and_role(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    page = client.get("/").content.decode()
    assert "<span>青禾县村级组织与干部管理</span>" in page
    assert "东乡 · " in page
    assert "中共青禾县委组织部" in page
    assert 'id="logout-form" method="post"' in page


@pytest.mark.django_db
@pytest.mark.usefixtures("quiet_frame")
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_frame_costs_the_same_queries_for_one_role_and_for_three(
    client: Client, county: Unit, east: Unit, west: Unit, django_assert_num_queries: Callable[..., object]
) -> None:
    one = make_user("one", Role.TS, east)
    three = make_user("three", Role.TS, east)
    grant(three, Role.TS, west)
    grant(three, Role.CE, county)
    for user in (one, three):
        client.force_login(user)
        client.get("/components/")
        with django_assert_num_queries(4):  # session, user, roles, county
            client.get("/components/")


@pytest.mark.django_db
def test_login_page_names_the_only_county(client: Client, county: Unit) -> None:
    assert "中共青禾县委组织部" in client.get("/login/").content.decode()


@pytest.mark.django_db
def test_login_page_names_no_county_among_several(client: Client, county: Unit) -> None:
    Unit.objects.add_child(
        Unit.objects.get(name="测试市"), {"kind": "county", "name": "另一县", "valid_from": date(2020, 1, 1)}
    )
    page = client.get("/login/").content.decode()
    assert "青禾县" not in page
    assert "另一县" not in page


@pytest.mark.django_db
@override_settings(AXES_LOCKOUT_PARAMETERS=["username"])
def test_wrong_name_wrong_password_and_closed_account_read_the_same(client: Client, newcomer: User) -> None:
    closed = make_user("closed")
    User.objects.filter(pk=closed.pk).update(is_active=False)
    answers = set()
    for username, password in (("nobody", "x"), ("newcomer", "x"), ("closed", "Right-Horse-7-Battery")):
        page = client.post("/login/", {"username": username, "password": password}).content.decode()
        answers.add(re.search(r'role="alert".*?</div>', page, re.S).group())  # type: ignore[union-attr]
    assert len(answers) == 1
    assert "15" in answers.pop()


@pytest.mark.django_db
def test_log_out_is_a_post(client: Client, newcomer: User) -> None:
    client.force_login(newcomer)
    assert client.get("/logout/").status_code == 405
    page = client.post("/logout/").content.decode()
    assert "已退出登录" in page
    assert "_auth_user_id" not in client.session


# --- Errors -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_missing_page_shows_the_way_back_in_the_frame(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    response = client.get("/no/such/page/")
    page = response.content.decode()
    assert response.status_code == 404
    assert "<h1>找不到页面</h1>" in page
    assert 'id="portal-nav"' in page
    assert "回到工作台" in page


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_refusal_says_what_is_closed_and_whom_to_ask(client: Client, east_editor: User) -> None:
    client.force_login(east_editor)
    response = client.get("/refuse/")
    page = response.content.decode()
    assert response.status_code == 403
    assert "“绩效报酬”只对县委组织部开放。" in page
    assert "请联系中共青禾县委组织部" in page
    assert "这个页面没有对您的角色开放。" in client.get("/refuse-silently/").content.decode()


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_server_error_shows_the_number_of_the_log_and_nothing_of_the_inside(newcomer: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(newcomer)
    response = client.get("/break/")
    page = response.content.decode()
    assert response.status_code == 500
    assert f"编号 {response.headers['X-Request-ID']}" in page
    assert "secret" not in page
    assert "没有任何数据被改动" in page
    assert "刚才提交的内容没有保存" in client.post("/break/").content.decode()


def test_server_error_page_needs_no_database(rf: RequestFactory) -> None:
    response = errors.server_error(rf.get("/x/"))
    assert response.status_code == 500
    assert re.search(r"编号 [0-9A-F]{8}", response.content.decode())


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_api_gets_errors_as_json() -> None:
    response = Client(raise_request_exception=False).get("/api/break/")
    assert response.status_code == 500
    assert response.json()["reference"] == response.headers["X-Request-ID"]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_htmx_gets_errors_as_a_piece(client: Client, newcomer: User) -> None:
    client.force_login(newcomer)
    page = client.get("/refuse/", headers={"HX-Request": "true"}).content.decode()
    assert 'class="p-alert is-bad" role="alert"' in page
    assert "<html" not in page


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_htmx_without_a_session_is_sent_to_the_login_page(client: Client, newcomer: User) -> None:
    response = client.get("/piece/", headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login/"
    client.force_login(newcomer)
    assert client.get("/piece/", headers={"HX-Request": "true"}).content == b"piece"


@pytest.mark.django_db
@override_settings(ROOT_URLCONF="tests.test_shell")
def test_old_form_is_explained_and_changes_nothing(newcomer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(newcomer)
    response = client.post("/take/")
    page = response.content.decode()
    assert response.status_code == 403
    assert "<h1>页面已过期</h1>" in page
    assert "请允许本站使用 Cookie" in page
    client.get("/login/")
    client.cookies["csrftoken"] = "a" * 32
    assert "本次没有改动任何数据" in client.post("/take/", {"csrfmiddlewaretoken": "b" * 32}).content.decode()


@pytest.mark.django_db
def test_too_many_attempts_say_when_to_come_back(rf: RequestFactory, newcomer: User) -> None:
    request = rf.get("/login/")
    request.user = newcomer
    response = errors.too_many(request, 900)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "900"
    assert "操作过于频繁" in response.content.decode()


@pytest.mark.django_db
def test_bad_request_has_a_page(rf: RequestFactory, newcomer: User) -> None:
    request = rf.get("/x/")
    request.user = newcomer
    response = errors.bad_request(request)
    assert response.status_code == 400
    assert "请求有误" in response.content.decode()


# --- Session ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_keeping_the_session_needs_one(client: Client, newcomer: User) -> None:
    assert client.get(reverse("keep-session")).status_code == 405
    assert client.post(reverse("keep-session")).status_code == 401
    client.force_login(newcomer)
    assert client.post(reverse("keep-session")).status_code == 204


@pytest.mark.django_db
def test_page_carries_what_the_session_warning_needs(client: Client, newcomer: User) -> None:
    client.force_login(newcomer)
    page = client.get("/").content.decode()
    assert 'data-idle-seconds="1740"' in page
    assert f'data-keep-url="{reverse("keep-session")}"' in page
    assert "portal-session" not in client.post("/logout/").content.decode()

"""Half a million people: the roster of a county, names, pinyin letters and identity numbers looked up.

    python -m benchmarks.people --people 500000 --rounds 5

Works in the database of DATABASE_URL: give it one made for the purpose. Every page is asked
for over 3 000 people (one county) and again over all of them (its province around it), as a
user of that county. The peer is Django's own changelist over the same rows, with its counts
and its search for a part of a name. On PostgreSQL the plans of the look-ups are printed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import django

django.setup()

from django.contrib import admin  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from accounts.bulk import insert_rows  # noqa: E402
from accounts.encryption import keyed_index  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from benchmarks.measuring import machine  # noqa: E402
from benchmarks.month import province  # noqa: E402
from branches.models import Membership, Unit  # noqa: E402
from branches.services.divisions import load_divisions  # noqa: E402
from cadres.models import Person, Posting  # noqa: E402
from cadres.pinyin import initials_of  # noqa: E402
from imports.identity import check_character  # noqa: E402

FEW = 3_000
COUNTY = "411503"
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华"


def number_of(key: int) -> str:
    """Valid, and of no place that exists."""
    body = f"{key // 1000:06}19600101{key % 1000:03}"
    return body + check_character(body)


def fill_places() -> None:
    if Unit.objects.exists():
        return
    load_divisions(province(), date(2020, 1, 1), source="benchmark")
    user = User.objects.create_user("bench", name="bench", must_change_password=False)
    other = User.objects.create_user("bench2", name="bench2")
    county = Unit.objects.get(code=COUNTY)
    Membership.objects.create(user=user, role=Role.CS, unit=county, valid_from=date(2020, 1, 1), confirmed_by=other)


def fill_people(wanted: int) -> None:
    """The county's first, then the province's, one post each."""
    stored = Person.objects.count()
    if stored >= wanted:
        return
    county = Unit.objects.get(code=COUNTY)
    inside = list(Unit.objects.villages().under(county.path).order_by("path").values_list("pk", flat=True))
    outside = list(
        Unit.objects.villages().exclude(path__startswith=county.path).order_by("path").values_list("pk", flat=True)
    )
    rng = random.Random(stored)
    with transaction.atomic():
        people, posts = [], []
        for key in range(stored + 1, wanted + 1):
            village = inside[key % len(inside)] if key <= FEW else outside[key % len(outside)]
            people.append(_person(key, village, rng))
            posts.append(_post(key, village))
        insert_rows(Person, [field.column for field in Person._meta.concrete_fields], people)
        insert_rows(Posting, [field.column for field in Posting._meta.concrete_fields], posts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _person(key: int, village: int, rng: random.Random) -> list[Any]:
    name = rng.choice(SURNAMES) + rng.choice(GIVEN) + rng.choice(GIVEN)
    values = {
        "id": key, "uid": f"{key:032x}", "unit_id": village, "name": name, "initials": initials_of(name),
        "gender": "1", "birth": f"{1960 + key % 40}-01", "political": "01", "education": "31",
        "education_words": "大专", "phone": "13000000000", "version": 1, "major": "", "origin": "", "resume": "",
        "remark": "", "identity_number": "-", "identity_index": keyed_index(number_of(key)),
    }  # fmt: skip
    return [values.get(field.column) for field in Person._meta.concrete_fields]


def _post(key: int, village: int) -> list[Any]:
    values = {
        "id": key, "person_id": key, "unit_id": village, "post": 10 * (1 + key % 6), "words": "", "change": "",
        "mode": "", "document": "", "started_on": "2021-03", "ending": "", "version": 1,
    }  # fmt: skip
    return [values.get(field.column) for field in Posting._meta.concrete_fields]


# --- What is asked --------------------------------------------------------------------------


def asked(client: Client) -> dict[str, Callable[[], Any]]:
    name = Person.objects.get(pk=1).name
    return {
        "roster, page 1": lambda: client.get("/people/"),
        "roster, page 40": lambda: client.get("/people/", {"page": 40}),
        "roster, secretaries": lambda: client.get("/people/", {"post": 10}),
        "search by name": lambda: client.get("/search/", {"q": name}),
        "search by pinyin letters": lambda: client.get("/search/", {"q": initials_of(name)}),
        "search by number": lambda: client.post("/people/find/", {"number": number_of(1)}),
        "stock changelist, page 1": lambda: _stock({}),
        "stock changelist, search": lambda: _stock({"q": name}),
    }


class _Everybody(admin.ModelAdmin):
    """As a project writes it first: counts shown, any part of a name found."""

    list_display = ("name", "unit", "gender", "birth")
    search_fields = ("name",)
    list_select_related = ("unit",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def get_queryset(self, request: HttpRequest) -> Any:
        return Person.objects.for_user(request.user)


def _stock(query: dict[str, str]) -> Any:
    request = RequestFactory().get("/", query)
    request.user = User.objects.get(username="bench")
    site = admin.AdminSite()
    answer: Any = _Everybody(Person, site).changelist_view(request)
    rows = answer.context_data["cl"].result_list
    len(rows)
    return answer


def timed(ask: Callable[[], Any], rounds: int) -> tuple[float, int]:
    """Median milliseconds, queries."""
    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(sql, params, many, context)

    ask()
    with connection.execute_wrapper(count):
        answer = ask()
    assert getattr(answer, "status_code", 200) in (200, 302), answer.status_code
    seconds = []
    for _round in range(rounds):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds), queries


def plans(client: Client) -> str:
    """EXPLAIN of the statement about people of each look-up."""
    told = []
    for name, ask in asked(client).items():
        if "search by" not in name:
            continue
        seen: list[tuple[str, Any]] = []

        def keep(execute: Any, sql: str, params: Any, many: bool, context: Any, seen: Any = seen) -> Any:
            seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(keep):
            ask()
        for sql, params in seen:
            if 'FROM "cadres_person"' in sql:
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN {sql}", params)
                    told += [f"--- {name}", *(line for (line,) in cursor.fetchall())]
                break
    return "\n".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", help=argparse.SUPPRESS)  # of the other benchmarks
    options = parser.parse_args()
    fill_places()
    with override_settings(ALLOWED_HOSTS=["*"]):
        measured: list[dict[str, tuple[float, int]]] = []
        for wanted in (FEW, options.people):
            fill_people(wanted)
            client = Client()
            client.force_login(User.objects.get(username="bench"))
            measured.append({name: timed(ask, options.rounds) for name, ask in asked(client).items()})
        few, many = measured
        print(f"Pages of a county over {FEW} people and over {options.people} in its province, {machine()}")
        print(f"{'page':<28}{'few: ms':>10}{'queries':>9}{'many: ms':>10}{'queries':>9}{'ratio':>7}")
        for name in few:
            (short, asked_few), (long, asked_many) = few[name], many[name]
            print(f"{name:<28}{short:>10.1f}{asked_few:>9}{long:>10.1f}{asked_many:>9}{long / short:>7.2f}")
        if connection.vendor == "postgresql":
            print(plans(client))
    print(json.dumps({"benchmark": "people", "few": few, "many": many, "machine": machine()}))


if __name__ == "__main__":
    main()

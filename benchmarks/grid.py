"""The monthly grid: showing a page, saving all of it, and many townships saving at once.

    python -m benchmarks.grid
    python -m benchmarks.grid --rounds 3 --saves 200

A page of 25 villages × 15 cells. Ours goes through the whole stack: middleware, session,
rights, frame of the page, checks, audit. The peer is what a team would write first, a
model formset over one row for each value; it is measured without frame and middleware.
The floor reads or writes the same data and nothing else. The hour before the deadline is
played by two web processes and eight townships that save cell after cell.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.forms import modelformset_factory  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.template import Context, Template  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import AuditEvent, User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from assessments.entry import columns_of, load_table, rules_of_return, specs_of  # noqa: E402
from assessments.models import Period, Return, Scheme, VillageMonth  # noqa: E402
from assessments.services.periods import open_period  # noqa: E402
from assessments.services.returns import CellEdit, save_cells  # noqa: E402
from assessments.services.schemes import load_seed_scheme, seed_layout  # noqa: E402
from assessments.views import grid  # noqa: E402
from benchmarks.measuring import Way, compare, machine, measure, report  # noqa: E402
from branches.models import Membership, Unit  # noqa: E402

COUNTY = "填报测试县"
TOWNSHIPS, VILLAGES = 8, 25
MONTH = date(2026, 10, 1)
WORKERS = 2
settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


class GridValue(models.Model):
    """The peer's table: one row for each value."""

    village = models.CharField(max_length=40)
    code = models.CharField(max_length=8)
    number = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        app_label = "benchmarks"
        db_table = "benchmark_grid_value"

    def __str__(self) -> str:
        return f"{self.village} {self.code}"


GridFormSet = modelformset_factory(GridValue, fields=["number"], extra=0)
PEER_PAGE = Template(
    "<form>{{ formset.management_form }}<table>{% for form in formset %}"
    "<td>{{ form.id }}{{ form.number }}{{ form.number.errors }}</td>{% endfor %}</table></form>"
)


# --- The data ---------------------------------------------------------------------------------


def fill() -> None:
    """A county of eight townships with 25 villages each, its month open, and the peer's rows; once."""
    if Unit.objects.filter(name=COUNTY).exists():
        return
    county = Unit.objects.add_root({"kind": "county", "name": COUNTY, "valid_from": date(2020, 1, 1)})
    for number in range(TOWNSHIPS):
        fields = {"kind": "township", "name": f"填报{number}乡", "valid_from": date(2020, 1, 1)}
        township = Unit.objects.add_child(Unit.objects.get(pk=county.pk), fields)
        for place in range(VILLAGES):
            fields = {"kind": "village", "name": f"{number}乡{place}村", "valid_from": date(2020, 1, 1)}
            Unit.objects.add_child(Unit.objects.get(pk=township.pk), fields)
        secretary(township)
    now = timezone.now()
    scheme = load_seed_scheme(county, by=None, number="bench")
    Scheme.objects.filter(pk=scheme.pk).update(state="published", first_month=MONTH, snapshot=seed_layout())
    moments = [now + timedelta(days=day) for day in (-1, 2, 4, 5, 8)]
    names = ("opens_at", "submit_by", "review_by", "lock_at", "publish_by")
    period = Period.objects.create(
        unit=county, path=county.path, month=MONTH, scheme_id=scheme.pk, **dict(zip(names, moments, strict=True))
    )
    open_period(period, by=None, now=now)
    with connection.schema_editor() as editor:
        editor.create_model(GridValue)
    codes = columns(the_return())
    GridValue.objects.bulk_create(
        GridValue(village=str(place), code=code, number=place) for place in range(VILLAGES) for code in codes
    )


def secretary(township: Unit) -> User:
    user = User.objects.create(username=f"bench-{township.pk}", name=township.name, must_change_password=False)
    staff, _new = User.objects.get_or_create(username="bench-confirmer", defaults={"name": "confirmer"})
    Membership.objects.create(user=user, role=Role.TS, unit=township, valid_from=date(2020, 1, 1), confirmed_by=staff)
    return user


def the_return() -> Return:
    return Return.objects.filter(period__unit__name=COUNTY).select_related("period", "unit").order_by("path")[0]


def columns(submission: Return) -> list[str]:
    return [spec.code for spec in columns_of(specs_of(rules_of_return(submission), "T"))]


def rows_of(submission: Return) -> list[VillageMonth]:
    return list(VillageMonth.objects.filter(submission=submission).order_by("path"))


def client_of(submission: Return) -> Client:
    client = Client()
    user = User.objects.get(memberships__unit=submission.unit)
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client


def full_values(add: int) -> None:
    """Every cell given, so that a save changes each of them."""
    submission = the_return()
    codes = columns(submission)
    rows = rows_of(submission)
    for place, row in enumerate(rows):
        row.values = {**row.values, **dict.fromkeys(codes, (place % 7 + add) * 10_000)}
    VillageMonth.objects.bulk_update(rows, ["values"])
    GridValue.objects.update(number=add)


# --- Showing a page -------------------------------------------------------------------------------


SUBMISSION: list[Return] = []
"""The return whose table is shown, found before the clock runs: pages find it with its rights, the peers need none."""


def show_floor() -> dict[str, Any]:
    """The rows of the page and a table of their numbers, without names, heads, checks or frame."""
    codes = columns(SUBMISSION[0])
    rows = VillageMonth.objects.filter(submission=SUBMISSION[0]).values_list("village__name", "values")
    lines = [
        f"<tr><th>{name}</th>" + "".join(f'<td><input value="{values.get(code, "")}"></td>' for code in codes) + "</tr>"
        for name, values in rows
    ]
    return {"result": f"{len(''.join(lines)) // 1000} kB"}


CLIENTS: dict[str, Client] = {}


def warm() -> None:
    """Templates compiled, the session there: what every page but the first of a process meets."""
    full_values(1)
    submission = the_return()
    SUBMISSION[:] = [submission]
    CLIENTS["one"] = client_of(submission)
    CLIENTS["one"].get(f"/returns/{submission.pk}/")


def show_ours() -> dict[str, Any]:
    answer = CLIENTS["one"].get(f"/returns/{the_return().pk}/")
    assert answer.status_code == 200
    return {"result": f"{len(answer.content) // 1000} kB, whole page"}


def show_table() -> dict[str, Any]:
    """Our table without the frame of the page and what the system computes: rows, checks, names, heads."""
    table = load_table(SUBMISSION[0])
    context = {
        "columns": grid._columns(table),
        "categories": grid._categories(table),
        "rows": list(grid._rows(table, [], False)),
        "sums": grid._sums(table),
    }
    return {"result": f"{len(render_to_string('assessments/grid_table.html', context)) // 1000} kB, the table alone"}


def warm_table() -> None:
    warm()
    show_table()


def warm_peer() -> None:
    full_values(1)
    PEER_PAGE.render(Context({"formset": GridFormSet(queryset=GridValue.objects.order_by("pk")[:1])}))


def show_peer() -> dict[str, Any]:
    formset = GridFormSet(queryset=GridValue.objects.order_by("pk"))
    return {"result": f"{len(PEER_PAGE.render(Context({'formset': formset}))) // 1000} kB, the table alone"}


# --- Saving all of it -------------------------------------------------------------------------------


def save_floor() -> dict[str, Any]:
    """The rows read and written once."""
    with transaction.atomic():
        rows = list(VillageMonth.objects.select_for_update(of=("self",)).filter(submission=the_return()))
        for row in rows:
            row.values = {code: value if value is None else value + 10_000 for code, value in row.values.items()}
        VillageMonth.objects.bulk_update(rows, ["values"])
    return {"result": "375 values"}


def all_edits(submission: Return) -> list[dict[str, Any]]:
    return [
        {"village": row.village_id, "code": code, "base": row.values.get(code), "value": str(place % 9 + 3)}
        for place, row in enumerate(rows_of(submission))
        for code in columns(submission)
    ]


EDITS: dict[str, str] = {}


def prepare_save() -> None:
    warm()
    EDITS["all"] = json.dumps({"edits": all_edits(the_return())})


def save_ours() -> dict[str, Any]:
    url = f"/returns/{the_return().pk}/cells/"
    answer = CLIENTS["one"].post(url, EDITS["all"], content_type="application/json").json()
    assert not answer["conflicts"]
    return {"result": f"{len(answer['saved'])} values, {len(answer['problems'])} refused"}


def save_service() -> dict[str, Any]:
    """Our saving without request and session: rights, compare-and-set, checks, audit."""
    submission = the_return()
    user = User.objects.get(memberships__unit=submission.unit)
    given = json.loads(EDITS["all"])["edits"]
    edits = [CellEdit(edit["village"], edit["code"], edit["base"], edit["value"]) for edit in given]
    outcome = save_cells(submission, edits, by=user, now=timezone.now())
    return {"result": f"{len(outcome.saved)} values"}


POSTED: dict[str, QueryDict] = {}


def prepare_peer_save() -> None:
    full_values(1)
    data = QueryDict(mutable=True)
    ids = list(GridValue.objects.order_by("pk").values_list("pk", flat=True))
    data.update({"form-TOTAL_FORMS": str(len(ids)), "form-INITIAL_FORMS": str(len(ids))})
    for number, pk in enumerate(ids):
        data.update({f"form-{number}-id": str(pk), f"form-{number}-number": str(number % 9 + 3)})
    POSTED["all"] = data


def save_peer() -> dict[str, Any]:
    with transaction.atomic():
        formset = GridFormSet(POSTED["all"], queryset=GridValue.objects.order_by("pk"))
        assert formset.is_valid(), formset.errors
        saved = formset.save()
    return {"result": f"{len(saved)} values"}


# --- The hour before the deadline ---------------------------------------------------------------------


@contextmanager
def served(application: str) -> Iterator[int]:
    """gunicorn with two processes on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", application]
    server = subprocess.Popen(command, env=os.environ.copy(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _attempt in range(150):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def hour(application: str, address: str, saves: int) -> dict[str, Any]:
    """Eight townships save `saves` cells each, one after another. Errors, lost values, cells a second, p95."""
    before = AuditEvent.objects.filter(event="assessments.save_cells").count()
    returns = list(Return.objects.filter(period__unit__name=COUNTY).select_related("period", "unit").order_by("path"))
    VillageMonth.objects.filter(submission__in=returns).update(values={}, notes={}, version=1)
    jobs = [_township_job(submission, address, saves) for submission in returns]
    with served(application) as port:
        _call(port, *jobs[0][:2], jobs[0][2][0])
        VillageMonth.objects.filter(submission__in=returns).update(values={}, notes={}, version=1)
        waits: list[float] = []
        errors: list[str] = []
        threads = [threading.Thread(target=_save_all, args=(port, *job, waits, errors)) for job in jobs]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
    lost = sum(_lost(submission, saves) for submission in returns)
    return {
        "application": application,
        "cells": len(waits),
        "per_second": round(len(waits) / seconds, 1),
        "p95_ms": round(statistics.quantiles(waits, n=20)[-1] * 1000),
        "errors": len(errors),
        "lost": lost,
        "audit_events": AuditEvent.objects.filter(event="assessments.save_cells").count() - before,
        "example": errors[:1],
    }


def _township_job(submission: Return, address: str, saves: int) -> tuple[str, dict[str, str], list[str]]:
    client = client_of(submission)
    client.get(f"/returns/{submission.pk}/")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    headers = {
        "Content-Type": "application/json",
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-CSRFToken": cookies.get(settings.CSRF_COOKIE_NAME, ""),
    }
    bodies = [json.dumps({"edits": [edit]}) for edit in _planned(submission, saves)]
    return address.format(pk=submission.pk), headers, bodies


def _planned(submission: Return, saves: int) -> list[dict[str, Any]]:
    """One edit for each cell, as long as there are cells."""
    cells = [(row.village_id, code) for row in rows_of(submission) for code in columns(submission)]
    return [
        {"village": village, "code": code, "base": None, "value": str(number % 9)}
        for number, (village, code) in enumerate(cells[:saves])
    ]


def _save_all(
    port: int, url: str, headers: dict[str, str], bodies: list[str], waits: list[float], errors: list[str]
) -> None:
    for body in bodies:
        started = time.perf_counter()
        try:
            _call(port, url, headers, body)
        except (OSError, ValueError, http.client.HTTPException) as error:
            errors.append(str(error)[:300])
        waits.append(time.perf_counter() - started)


def _call(port: int, url: str, headers: dict[str, str], body: str) -> None:
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        caller.request("POST", url, body, headers)
        answer = caller.getresponse()
        text = answer.read().decode()
        if answer.status != 200 or not json.loads(text)["saved"]:
            raise ValueError(f"{answer.status} {text[:200]}")
    finally:
        caller.close()


def _lost(submission: Return, saves: int) -> int:
    stored = {(row.village_id, code): value for row in rows_of(submission) for code, value in row.values.items()}
    wanted = {(edit["village"], edit["code"]): int(edit["value"]) * 10_000 for edit in _planned(submission, saves)}
    return sum(stored.get(key) != value for key, value in wanted.items())


# --- Running ----------------------------------------------------------------------------------------------

SHOW = (
    Way("floor", show_floor, warm),
    Way("ours, table", show_table, warm_table),
    Way("ours, whole page", show_ours, warm),
    Way("formset, table", show_peer, warm_peer),
)
SAVE = (
    Way("save floor", save_floor, prepare_save),
    Way("save ours, service", save_service, prepare_save),
    Way("save ours, request", save_ours, prepare_save),
    Way("save formset", save_peer, prepare_peer_save),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--saves", type=int, default=60, help="cells that each of the eight townships saves")
    parser.add_argument("--size", default="county", help="the same for every size")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options, _others = parser.parse_known_args()
    if options.only:
        print(json.dumps(measure(next(way for way in (*SHOW, *SAVE) if way.name == options.only))))
        return
    fill()
    shown = compare("benchmarks.grid", SHOW, [], options.rounds)
    saved = compare("benchmarks.grid", SAVE, [], options.rounds)
    print(report(f"A page of the grid, {VILLAGES} villages × 15 cells: {machine()}", shown, "floor"))
    print(report("All its cells saved at once", saved, "save floor"))
    for name, rows in (("shown", shown), ("saved", saved)):
        peer = rows[-1]["seconds"]
        ratios = [f"{row['way']} {peer / row['seconds']:.1f}" for row in rows[1:-1]]
        print(f"{name}, times as fast as the formset: {', '.join(ratios)}")
    hours = [
        hour("benchmarks.grid_bare:application", "/bare/{pk}/", options.saves),
        hour("config.wsgi:application", "/returns/{pk}/cells/", options.saves),
    ]
    print("The hour before the deadline, two web processes, eight townships")
    for one in hours:
        print("  " + ", ".join(f"{key} {value}" for key, value in one.items() if key != "example" or value))
    print(f"  ours against the bare update: {hours[1]['per_second'] / hours[0]['per_second']:.0%}")
    print(json.dumps({"benchmark": "grid", "shown": shown, "saved": saved, "hours": hours, "machine": machine()}))


if __name__ == "__main__":
    main()

"""Loading the state's list of divisions into the tree, again and again.

Rule: docs/rules/tree.md, "The list of divisions".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.bulk import insert_rows
from accounts.models import User
from branches.divisions import KINDS, Division, spoken_for
from branches.models import Unit, Village
from branches.scoping import STEP
from branches.services.units import end_units

SINCE_EVER = date(2000, 1, 1)
"""First day of places that come with the first load: the list does not say since when they exist."""

COLUMNS = ("path", "depth", "numchild", "kind", "code", "name", "valid_from", "version")
BATCH = 500


@dataclass
class LoadReport:
    """Codes by what happened to them. `still_closed`: in the list, but closed here or merged, and left so."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    still_closed: list[str] = field(default_factory=list)
    unchanged: int = 0


@dataclass
class _Load:
    """One run: what is stored, what the file says, and what follows from both."""

    by_code: dict[str, Unit]
    by_place: dict[tuple[str, str], Unit]
    last_step: dict[str, int]
    codes: frozenset[str]
    since: date
    reopen: bool
    report: LoadReport = field(default_factory=LoadReport)
    paths: dict[str, str] = field(default_factory=dict)
    new: list[tuple[Division, str]] = field(default_factory=list)
    touched: dict[int, Unit] = field(default_factory=dict)
    events: list[audit.Entry] = field(default_factory=list)


@transaction.atomic
def load_divisions(
    divisions: list[Division], first_day: date, *, by: User | None = None, source: str = "", reopen: bool = False
) -> LoadReport:
    """Makes the tree below the place the file speaks for say what the file says.

    A known code with another name is renamed; a code that is gone is closed on the day
    before `first_day`; a place with a known name under the same parent and a new code is
    the same place, re-coded. What was closed here stays closed unless `reopen` says
    otherwise. Running the same file again changes nothing. Queries: a fixed number, and
    one for each batch of rows. `source` is noted in the audit trail.
    """
    if first_day.day != 1:
        raise ValidationError(_("Changes of the tree hold from the first day of a month."), "not_first_of_month")
    root_code = spoken_for(divisions)
    load = _prepare(divisions, root_code, first_day, reopen)
    for division in divisions:
        _place(load, division)
    gone = _gone(load, root_code)
    _write_new(load)
    _write_changed(load, by, source)
    end_units(gone, first_day - timedelta(days=1), by=by, event="branches.close_unit", reason=source)
    _add_cards(load.paths[root_code])
    _record(load, root_code, by, source)
    return load.report


def _prepare(divisions: list[Division], root_code: str, first_day: date, reopen: bool) -> _Load:
    above = [root_code[:length] for length in KINDS if length <= len(root_code)]
    known = {unit.code: unit for unit in Unit.objects.filter(code__in=above)}
    wanted = Q(code__startswith=root_code)
    if root_code in known:
        wanted |= Q(path__startswith=known[root_code].path)
    stored = [*known.values(), *Unit.objects.filter(wanted).exclude(code=root_code).order_by()]
    last_step: dict[str, int] = defaultdict(int)
    for unit in stored:
        last_step[unit.parent_path] = max(last_step[unit.parent_path], Unit._str2int(unit.path[-STEP:]))
    _add_last_sibling(last_step, [known[code] for code in above if code in known])
    return _Load(
        by_code={unit.code: unit for unit in stored if unit.code},
        by_place={(unit.parent_path, unit.name): unit for unit in stored if unit.valid_to is None},
        last_step=last_step,
        codes=frozenset(division.code for division in divisions),
        since=first_day if root_code in known else SINCE_EVER,
        reopen=reopen,
    )


def _add_last_sibling(last_step: dict[str, int], above: list[Unit]) -> None:
    """The place the file speaks for may be new under a known one that has other children already."""
    parent, depth = (above[-1].path, above[-1].depth) if above else ("", 0)
    siblings = Unit.objects.filter(path__startswith=parent, depth=depth + 1)
    last = siblings.aggregate(last=Max("path"))["last"]
    if last:
        last_step[parent] = max(last_step[parent], Unit._str2int(last[-STEP:]))


def _place(load: _Load, division: Division) -> None:
    """Finds the stored unit of a line of the file, or gives it a place in the tree."""
    parent = load.paths[division.parent_code] if division.parent_code else ""
    unit = load.by_code.get(division.code) or load.by_place.get((parent, division.name))
    if unit is not None and unit.code != division.code and unit.code in load.codes:
        unit = None
    if unit is None:
        load.last_step[parent] += 1
        path = parent + _step(load.last_step[parent])
        load.new.append((division, path))
        load.report.added.append(division.code)
    else:
        path = unit.path
        _compare(load, unit, division)
    load.paths[division.code] = path


@cache
def _step(number: int) -> str:
    """The characters of the `number`-th child in a path."""
    return Unit._get_path("", 1, number)


def _compare(load: _Load, unit: Unit, division: Division) -> None:
    if unit.valid_to is not None and (unit.merged_into_id is not None or not load.reopen):
        load.report.still_closed.append(division.code)
        return
    before = {"name": unit.name, "code": unit.code, "valid_to": unit.valid_to}
    changes = audit.changes_between(before, {"name": division.name, "code": division.code, "valid_to": None})
    if not changes:
        load.report.unchanged += 1
        return
    (load.report.reopened if "valid_to" in changes else load.report.changed).append(division.code)
    unit.name, unit.code, unit.valid_to = division.name, division.code, None
    unit.version += 1
    load.touched[unit.pk] = unit
    load.events.append(audit.Entry(event="branches.rename_unit", target=unit, unit=unit, changes=changes))


def _gone(load: _Load, root_code: str) -> list[Unit]:
    """Open units of the part the file speaks for that it does not name, neither by code nor by place."""
    gone = [
        unit
        for code, unit in load.by_code.items()
        if code.startswith(root_code)
        and code not in load.codes
        and unit.valid_to is None
        and unit.pk not in load.touched
    ]
    load.report.closed.extend(unit.code or "" for unit in gone)
    return gone


def _write_new(load: _Load) -> None:
    below = Counter(path[:-STEP] for _division, path in load.new)
    insert_rows(
        Unit,
        COLUMNS,
        (
            (path, len(path) // STEP, below[path], d.kind, d.code, d.name, load.since.isoformat(), 1)
            for d, path in load.new
        ),
    )
    parents = [unit for unit in load.by_code.values() if unit.path in below]
    for parent in parents:
        parent.numchild += below[parent.path]
    Unit.objects.bulk_update(parents, ["numchild"], batch_size=BATCH)


def _write_changed(load: _Load, by: User | None, source: str) -> None:
    Unit.objects.bulk_update(load.touched.values(), ["name", "code", "valid_to", "version"], batch_size=BATCH)
    audit.record_many({**entry, "actor": by, "reason": source} for entry in load.events)


def _add_cards(root_path: str) -> None:
    """An empty card for each village that has none, in one statement."""
    units, cards = (connection.ops.quote_name(model._meta.db_table) for model in (Unit, Village))
    posts = Village._meta.get_field("approved_post_count").default
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {cards} (unit_id, approved_post_count, version) "
            f"SELECT place.id, %s, 1 FROM {units} place LEFT JOIN {cards} card ON card.unit_id = place.id "
            "WHERE card.id IS NULL AND place.kind = %s AND place.path LIKE %s",
            [posts, Unit.Kind.VILLAGE, f"{root_path}%"],
        )


def _record(load: _Load, root_code: str, by: User | None, source: str) -> None:
    """One event for the load; added places need none of their own, their row tells all there is."""
    report = load.report
    counts = {
        "added": len(report.added),
        "changed": len(report.changed),
        "closed": len(report.closed),
        "reopened": len(report.reopened),
    }
    if any(counts.values()):
        root = Unit.objects.get(code=root_code)
        audit.record("branches.load_divisions", actor=by, target=root, changes=counts, reason=source)


def tree_problems(root: Unit | None = None) -> list[str]:
    """What is not sound in the tree, one line each: paths, depths, counts of children, order of levels."""
    units = Unit.objects.all() if root is None else Unit.objects.under(root.path)
    rows = list(units.order_by("path").values_list("path", "depth", "numchild", "kind"))
    kinds = {path: kind for path, _depth, _count, kind in rows}
    children = Counter(path[:-STEP] for path, *_rest in rows)
    levels = list(KINDS.values())
    problems = []
    for path, depth, count, kind in rows:
        above = kinds.get(path[:-STEP])
        if len(path) % STEP or len(path) // STEP != depth:
            problems.append(f"{path}: depth {depth} does not fit the path")
        if count != children[path]:
            problems.append(f"{path}: {count} children counted, {children[path]} found")
        if depth > 1 and above is None and (root is None or path != root.path):
            problems.append(f"{path}: nothing stands above it")
        if above is not None and levels.index(kind) != levels.index(above) + 1:
            problems.append(f"{path}: a {kind} under a {above}")
    return problems

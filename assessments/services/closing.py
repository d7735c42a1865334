"""Locking a month, and turning its values into a ranking: scored, ranked, with a receipt for each village.

Set-based: the number of queries is the same for a county and for a province, apart from
batches. One transaction; half a ranking never exists. The same inputs give the same
checksum on every database and on every run.
Rule: docs/rules/ranking-and-ranges.md; the arithmetic is in assessments/engine.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import audit
from accounts.bulk import insert_rows
from accounts.models import User
from assessments import engine, inputs, receipts
from assessments.history import History
from assessments.models import Adjustment, Period, Ranking, Result, Return, Unlock, VillageMonth
from assessments.rules import SchemeRules
from assessments.services.periods import rules_of_month
from assessments.services.review import relock_due, returned_twice

if TYPE_CHECKING:
    from accounts.jobs import JobRun

STEPS = 2
DAYS_LATE = "assessments.return_late_days"
"""Source code of the penalty for a return that came after the deadline, once for each working day."""

Record = tuple[str, str, int, str]
"""Item, level, times, document of a bonus, penalty or veto."""

RETURNED_AGAIN = "assessments.returned_again"
"""Source code of the penalty for a cell that had to be sent back for the second time."""

CLOSABLE = (Period.State.LOCKED, Period.State.COMPUTED)


def lock_period(period: Period, *, by: User | None, now: datetime) -> Period:
    """`lock_periods` for one month."""
    return lock_periods([period.pk], by=by, now=now)[0]


@transaction.atomic
def lock_periods(period_ids: Sequence[int], *, by: User | None, now: datetime) -> list[Period]:
    """End entry and review of a month. What is not accepted by then stays unranked.

    Locking twice does nothing. Raises ValidationError "not_open", or "under_unlock" while
    a return is open again for corrections.
    """
    periods = _take(period_ids, now)
    if any(period.state not in {Period.State.OPEN, *CLOSABLE} for period in periods):
        raise ValidationError(_("Only an open month can be locked."), "not_open")
    opened = [period for period in periods if period.state == Period.State.OPEN]
    states = _return_states(opened)
    for period in opened:
        period.state = Period.State.LOCKED
        period.locked_at = now
    Period.objects.bulk_update(opened, ["state", "locked_at"], batch_size=200)
    audit.record_many(
        {
            "event": "assessments.lock_period",
            "actor": by,
            "target": period,
            "unit": period.path,
            "changes": {"state": ["open", "locked"], "returns": states[period.pk]},
        }
        for period in opened
    )
    return periods


@transaction.atomic
def close_periods(
    period_ids: Sequence[int], *, by: User | None, now: datetime, job_run: JobRun | None = None
) -> list[Ranking]:
    """Compute draft rankings of locked months (one month, one or many counties), replacing earlier drafts.

    Returns the drafts in the order of the counties. Raises ValidationError "not_locked",
    "several_months", "already_published", "no_villages".
    """
    periods = _take(period_ids, now)
    for period in periods:
        if period.state not in CLOSABLE:
            _refuse_to_close(period)
    drafts = _compute(periods, by=by, now=now, reason="", job_run=job_run)
    Period.objects.filter(pk__in=[period.pk for period in periods]).update(state=Period.State.COMPUTED)
    if job_run is not None:
        job_run.finish_in_transaction({"rankings": [draft.pk for draft in drafts]})
    return drafts


def _refuse_to_close(period: Period) -> NoReturn:
    if period.state in {Period.State.PUBLISHED, Period.State.CLOSED}:
        raise ValidationError(
            _("This month is published. Changes need a correction with a reason."), "already_published"
        )
    raise ValidationError(_("Lock the month first; then nobody changes a value while it is computed."), "not_locked")


@transaction.atomic
def revise(period: Period, *, by: User, now: datetime, reason: str) -> Ranking:
    """Compute a correction of a published month: the next revision, as a draft, with the list of changed ranks.

    What the system had computed for the published revision is kept; only what an
    objection corrected differs (`Appeal.corrected_values`: column -> scaled integer).
    Raises ValidationError "not_published",
    "reason_missing".
    """
    if not reason.strip():
        raise ValidationError(_("A correction needs its reason."), "reason_missing")
    (period,) = _take([period.pk], now)
    if period.state not in {Period.State.PUBLISHED, Period.State.CLOSED}:
        raise ValidationError(_("Only a published month is corrected by a revision."), "not_published")
    (draft,) = _compute([period], by=by, now=now, reason=reason.strip(), job_run=None)
    return draft


# --- Steps --------------------------------------------------------------------------------


def _take(period_ids: Sequence[int], now: datetime) -> list[Period]:
    """The periods, locked, in the order of their counties; unlocks whose hours are over are ended first."""
    periods = list(
        Period.objects.select_for_update(of=("self",))
        .select_related("scheme", "unit")
        .filter(pk__in=period_ids)
        .order_by("path")
    )
    if len({period.month for period in periods}) != 1:
        raise ValidationError(_("Choose months of the same date."), "several_months")
    _end_unlocks(periods, now)
    return periods


def _end_unlocks(periods: Sequence[Period], now: datetime) -> None:
    """Lock again what was open for corrections and whose hours are over; refuse while others are still open."""
    unlocks = Unlock.objects.filter(submission__period__in=periods, is_approved=True, relocked_at__isnull=True)
    found = list(unlocks.values_list("submission__unit__name", "open_until"))
    names = sorted(name for name, open_until in found if open_until and open_until > now)
    if names:
        raise ValidationError(
            _("Open again for corrections: %(names)s. Wait until they are handed in and accepted."),
            "under_unlock",
            {"names": "、".join(names)},
        )
    if found:
        relock_due(now)


def _return_states(periods: Sequence[Period]) -> dict[int, dict[str, int]]:
    """How many returns of each month stand in which state."""
    states: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Return.objects.filter(period__in=periods).order_by().values_list("period_id", "state")
    for period_id, state, number in rows.annotate(Count("pk")):
        states[period_id][state] = number
    return states


def _compute(
    periods: list[Period], *, by: User | None, now: datetime, reason: str, job_run: JobRun | None
) -> list[Ranking]:
    rules = _rules_by_period(periods)
    village_ids = inputs.village_ids(periods)
    if not village_ids:
        raise ValidationError(_("This month has no villages. Open it first."), "no_villages")
    readings = inputs.compute_sources(rules.values(), village_ids, periods[0].month)
    _report(job_run, 1, gettext_noop("The numbers of the system are computed"))
    history = History(periods, is_revision=bool(reason))
    adjustments = _adjustments(periods, rules)
    drafts = _new_drafts(periods, by=by, now=now, reason=reason)
    past_rules = {period.pk: history.past_rules(period) for period in periods}
    for batch in inputs.read_batches(periods, rules, past_rules):
        _compute_batch(batch, readings, adjustments, history, drafts)
    _report(job_run, 2, gettext_noop("The villages are scored and ranked"))
    return _finish(drafts, history, by=by)


def _compute_batch(
    batch: inputs.Batch,
    readings: inputs.Readings,
    adjustments: Mapping[int, list[Record]],
    history: History,
    drafts: Mapping[int, Ranking],
) -> None:
    columns = inputs.columns_of(batch, readings)
    history.keep_what_was_computed(batch, columns)
    previous, totals = history.previous_of(batch)
    published = history.published_adjustments(batch)
    records = [
        engine.AdjustmentRecord(position, *record)
        for position, row in enumerate(batch.rows)
        for record in _records(row, batch.rules, adjustments.get(row.village_id, []), readings, published)
    ]
    scored = engine.score(batch.rules, columns, records, batch.groups(), previous)
    ranking_ids = {period_id: draft.pk for period_id, draft in drafts.items()}
    insert_rows(Result, receipts.COLUMNS, receipts.rows(batch, scored, ranking_ids, totals))
    sums, rules_checksum = scored.checksums(), batch.rules.checksum()
    for period_id, county_code in batch.counties.items():
        receipts.complete(drafts[period_id], scored, county_code, sums[county_code], rules_checksum)


def _rules_by_period(periods: Sequence[Period]) -> dict[int, SchemeRules]:
    """Rules in force by period; equal rules are one object, so that their counties share a batch."""
    known: dict[str, SchemeRules] = {}
    result = {}
    for period in periods:
        rules = rules_of_month(period)
        result[period.pk] = known.setdefault(rules.checksum(), rules)
    return result


def _adjustments(periods: Sequence[Period], rules: Mapping[int, SchemeRules]) -> dict[int, list[Record]]:
    """Village -> (item, level, times, document): what was entered, and what follows from how the returns came in."""
    found: dict[int, list[Record]] = defaultdict(list)
    entered = Adjustment.objects.filter(period__in=periods, is_void=False).order_by("path", "item_code", "pk")
    for village_id, code, level, count, document in entered.values_list(
        "village_id", "item_code", "level", "count", "document"
    ):
        found[village_id].append((code, level, count, document))
    late = VillageMonth.objects.filter(period__in=periods, submission__late_days__gt=0).order_by("path")
    for period_id, village_id, days in late.values_list("period_id", "village_id", "submission__late_days"):
        found[village_id] += [(code, "", days, "") for code in _items(rules[period_id], DAYS_LATE)]
    for (period_id, village_id), cells in returned_twice(periods).items():
        found[village_id] += [(code, "", cells, "") for code in _items(rules[period_id], RETURNED_AGAIN)]
    return found


def _records(
    row: inputs.Row,
    rules: SchemeRules,
    entered: list[Record],
    readings: inputs.Readings,
    published: Mapping[str, list[Record]] | None,
) -> list[Record]:
    """What counts for a village: what was entered, and what the system finds where nothing was entered for the item.

    In a correction what the system had found stays as published.
    """
    if published is None:
        computed = list(inputs.computed_adjustments(rules, row.village_id, readings))
    else:
        named = {item.code for item in rules.adjustments if item.source_code in readings}
        computed = [record for record in published.get(row.code, []) if record[0] in named]
    codes = {record[0] for record in entered}
    return [*entered, *(record for record in computed if record[0] not in codes)]


def _items(rules: SchemeRules, source_code: str) -> list[str]:
    return [item.code for item in rules.adjustments if item.source_code == source_code]


def _new_drafts(periods: Sequence[Period], *, by: User | None, now: datetime, reason: str) -> dict[int, Ranking]:
    """A draft for each period in place of an earlier draft, numbered after the last published revision."""
    Ranking.objects.filter(period__in=periods, state=Ranking.State.DRAFT).delete()
    last = dict(Ranking.objects.filter(period__in=periods).order_by().values_list("period").annotate(Max("revision")))
    drafts = Ranking.objects.bulk_create(
        Ranking(
            period=period,
            path=period.path,
            revision=last.get(period.pk, 0) + 1,
            rules=period.rules_in_force,
            reason=reason,
            computed_at=now,
            computed_by=by,
        )
        for period in periods
    )
    return {draft.period_id: draft for draft in drafts}


def _finish(drafts: Mapping[int, Ranking], history: History, *, by: User | None) -> list[Ranking]:
    unaccepted = defaultdict(list)
    returns = Return.objects.filter(period__in=list(drafts)).exclude(state=Return.State.ACCEPTED)
    for period_id, name in returns.order_by("path").values_list("period_id", "unit__name"):
        unaccepted[period_id].append(name)
    for period_id, draft in drafts.items():
        if unaccepted[period_id]:
            draft.warnings.append({"code": "not_accepted", "townships": unaccepted[period_id]})
        draft.changed_ranks = history.changed_ranks(draft)
    fields = [
        "village_count",
        "ranked_count",
        "inputs_checksum",
        "rules_checksum",
        "checksum",
        "warnings",
        "changed_ranks",
    ]
    rankings = list(drafts.values())
    Ranking.objects.bulk_update(rankings, fields, batch_size=200)
    audit.record_many(
        {
            "event": "assessments.compute_ranking",
            "actor": by,
            "target": draft,
            "unit": draft.path,
            "changes": {
                "revision": draft.revision,
                "villages": draft.village_count,
                "ranked": draft.ranked_count,
                "checksum": draft.checksum,
            },
            "reason": draft.reason,
        }
        for draft in rankings
    )
    return rankings


def _report(job_run: JobRun | None, done: int, message: str) -> None:
    if job_run is not None:
        job_run.progress(done, STEPS, message)

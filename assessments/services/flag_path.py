"""An application up to the recheck: handed in, withdrawn, reviewed by the township, rechecked, returned.

Everything takes many rows, a page one. Rule: docs/rules/flags.md (handbook 2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import bulk
from accounts.models import User
from assessments import flags
from assessments.flags import Scorer, Verb
from assessments.models import FlagApplication, FlagCategory, FlagCriterion, FlagRound
from assessments.rules import to_hundredths
from assessments.services.flag_rounds import computed_lines
from assessments.services.flag_steps import (
    Line,
    Moves,
    Points,
    State,
    blocked_villages,
    check_points,
    clean_text,
    criteria_of,
    gate_codes,
    locked,
    must_be_given,
    must_be_open,
    must_lead_on,
    must_say,
    refuse_own,
    scorer,
    title_of,
)
from branches.models import Unit
from branches.scoping import paths_for

HANDED_IN = (
    "lines",
    "text",
    "self_hundredths",
    "township_hundredths",
    "checked_hundredths",
    "panel_hundredths",
    "score_hundredths",
    "gates_failed",
    "applied_by_id",
    "applied_at",
    "township_opinion",
    "township_rank",
    "township_reviewed_by_id",
    "township_reviewed_at",
    "department_opinion",
    "rechecked_by_id",
    "rechecked_at",
)


# --- Handing in -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """A village and a flag it applies for, with what its township gives itself."""

    village: Unit
    category_id: int
    points: Points = field(default_factory=dict)
    text: str = ""


@transaction.atomic
def apply_for_flags(row: FlagRound, wishes: Sequence[Wish], *, by: User, now: datetime) -> list[FlagApplication]:
    """New applications; one that was withdrawn is taken up again.

    ValidationError "round_not_open", "too_late", "village_unknown", "flag_unknown", "blocked",
    "already_applied", "points_missing" and those of `check_points`; PermissionDenied outside one's villages.
    """
    row = FlagRound.objects.select_for_update().get(pk=row.pk)
    today = timezone.localdate(now)
    must_be_open(row)
    if today > row.apply_by:
        raise ValidationError(
            _("Applications for %(round)s ended on %(day)s.") % {"round": row.name, "day": row.apply_by}, "too_late"
        )
    villages = {wish.village.pk: wish.village for wish in wishes}
    _check_villages(row, villages, by, now)
    categories = {one.pk: one for one in row.categories.all()}
    for category in categories.values():
        category.round = row
    if any(wish.category_id not in categories for wish in wishes):
        raise ValidationError(_("This round has no such flag."), "flag_unknown")
    former = {
        (one.category_id, one.village_id): one
        for one in FlagApplication.objects.select_for_update(of=("self",)).filter(round=row)
        if one.village_id in villages
    }
    rows = [
        _begun(row, wish, categories[wish.category_id], former.get((wish.category_id, wish.village.pk)))
        for wish in wishes
    ]
    _hand_in(rows, [(wish.points, wish.text) for wish in wishes], by, now)
    _tell_new([one for one in rows if one.pk is None], by, now)
    again = Moves("assessments.apply_flagapplication", by, now)
    for one in rows:
        if one.state == State.WITHDRAWN:
            again.add(one, must_lead_on(one, Verb.RESUBMIT), with_lines=True)
    again.write(*HANDED_IN)
    return rows


def _check_villages(row: FlagRound, villages: Mapping[int, Unit], by: User, now: datetime) -> None:
    today = timezone.localdate(now)
    allowed = tuple(paths_for(by, "assessments.add_flagapplication"))
    for village in villages.values():
        if village.kind != "village" or not village.path.startswith(row.path):
            raise ValidationError(_("Flags are for villages of the county."), "village_unknown")
        if not village.path.startswith(allowed or ("-",)):
            raise PermissionDenied(_("You apply for the villages of your own township."))
        if village.valid_to is not None and village.valid_to < today:
            raise ValidationError(_("%(village)s has ended.") % {"village": village.name}, "village_unknown")
    blocked = blocked_villages(row, villages, today)
    if blocked:
        found = next(iter(blocked.values()))
        raise ValidationError(
            _("%(village)s may not apply: %(reason)s (%(document)s).")
            % {
                "village": villages[found.village_id].name,
                "reason": found.get_reason_display(),
                "document": found.document,
            },
            "blocked",
        )


def _begun(row: FlagRound, wish: Wish, category: FlagCategory, former: FlagApplication | None) -> FlagApplication:
    if former is not None and former.state != State.WITHDRAWN:
        raise ValidationError(
            _("%(village)s has applied for %(flag)s already.") % {"village": wish.village.name, "flag": category.name},
            "already_applied",
        )
    found = former or FlagApplication(code=category.code, path=wish.village.path)
    found.round, found.category, found.village = row, category, wish.village
    return found


def _hand_in(rows: Sequence[FlagApplication], given: Sequence[tuple[Points, str]], by: User, now: datetime) -> None:
    """Lines with what the system knows now and the township gives itself; all later points are cleared."""
    items = criteria_of(rows)
    known = known_lines(rows, now)
    for row, (points, text) in zip(rows, given, strict=True):
        check_points(items[row.category_id], points)
        row.lines = known[row.category_id][row.village_id]
        for line in row.lines:
            is_computed = scorer(items[row.category_id][line["code"]], line) is Scorer.SYSTEM
            line["self"] = line["computed"] if is_computed else points.get(line["code"])
        must_be_given(row, items[row.category_id], "self", Scorer.TOWNSHIP)
        row.text = " ".join(text.replace("\x00", "").split())
        row.self_hundredths = flags.points_of(row.lines, "self")
        row.township_hundredths = row.checked_hundredths = row.panel_hundredths = row.score_hundredths = None
        row.gates_failed = []
        row.applied_by, row.applied_at = by, now
        row.township_opinion, row.township_rank = "", None
        row.township_reviewed_by, row.township_reviewed_at = None, None
        row.department_opinion, row.rechecked_by, row.rechecked_at = "", None, None


def known_lines(rows: Iterable[FlagApplication], now: datetime) -> dict[int, dict[int, list[Line]]]:
    """Category -> village -> lines with what the system knows today."""
    wanted: dict[int, tuple[FlagCategory, set[int]]] = {}
    for row in rows:
        wanted.setdefault(row.category_id, (row.category, set()))[1].add(row.village_id)
    today = timezone.localdate(now)
    return {pk: computed_lines(category, sorted(ids), today=today) for pk, (category, ids) in wanted.items()}


def _tell_new(rows: Sequence[FlagApplication], by: User, now: datetime) -> None:
    bulk.insert_models(rows)
    new = Moves("assessments.apply_flagapplication", by, now)
    for row in rows:
        new.tell(row, "", with_lines=True)
    new.write()


@transaction.atomic
def resubmit(
    application_id: int, points: Points, text: str, *, by: User, now: datetime, version: int | None = None
) -> FlagApplication:
    """A returned application handed in again; its history stays. ValidationError as in `apply_for_flags`."""
    (row,) = locked(by, ["change"], [application_id], _versions({application_id: version}))
    must_be_open(row.round)
    following = must_lead_on(row, Verb.RESUBMIT)
    _check_villages(row.round, {row.village_id: row.village}, by, now)
    _hand_in([row], [(points, text)], by, now)
    moves = Moves("assessments.apply_flagapplication", by, now)
    moves.add(row, following, with_lines=True)
    moves.write(*HANDED_IN)
    return row


@transaction.atomic
def withdraw(
    application_id: int, reason: str, *, by: User, now: datetime, version: int | None = None
) -> FlagApplication:
    """The township takes its application back before it is reviewed, or instead of putting it right."""
    (row,) = locked(by, ["change"], [application_id], _versions({application_id: version}))
    moves = Moves("assessments.withdraw_flagapplication", by, now)
    moves.add(row, must_lead_on(row, Verb.WITHDRAW), note=clean_text(reason))
    moves.write()
    return row


def _versions(found: Mapping[int, int | None]) -> dict[int, int]:
    return {pk: version for pk, version in found.items() if version is not None}


# --- The township's review --------------------------------------------------------------------


@dataclass(frozen=True)
class Review:
    """What the township's second account says of an application: points where it differs from the applicant."""

    application_id: int
    opinion: str
    points: Points = field(default_factory=dict)
    rank: int | None = None
    version: int | None = None


@transaction.atomic
def review_applications(reviews: Sequence[Review], *, by: User, now: datetime) -> list[FlagApplication]:
    """The township's first review.

    ValidationError "round_not_open", "wrong_state", "opinion_missing", "not_yours", "points_missing",
    "rank_taken"; PermissionDenied for who applied.
    """
    wanted = {one.application_id: one for one in reviews}
    rows = locked(by, ["review"], list(wanted), _versions({pk: one.version for pk, one in wanted.items()}))
    refuse_own(rows, by, Verb.REVIEW)
    _check_ranks(rows, wanted)
    items = criteria_of(rows)
    moves = Moves("assessments.review_flagapplication", by, now)
    for row in rows:
        one = wanted[row.pk]
        must_be_open(row.round)
        following = must_lead_on(row, Verb.REVIEW)
        row.township_opinion = must_say(one.opinion, _("Please give the opinion of the township."), "opinion_missing")
        _score_township(row, items[row.category_id], one.points)
        row.township_rank = one.rank
        row.township_reviewed_by, row.township_reviewed_at = by, now
        moves.add(row, following, note=row.township_opinion, with_lines=True, score=row.township_hundredths)
    return moves.write(
        "lines",
        "township_opinion",
        "township_hundredths",
        "township_rank",
        "township_reviewed_by_id",
        "township_reviewed_at",
    )


def _score_township(row: FlagApplication, items: Mapping[str, FlagCriterion], given: Points) -> None:
    check_points(items, given)
    for line in row.lines:
        who = scorer(items[line["code"]], line)
        if who is not Scorer.TOWNSHIP and line["code"] in given and given[line["code"]] != line["self"]:
            raise ValidationError(_("%(code)s is not scored by the township.") % {"code": line["code"]}, "not_yours")
        line["township"] = given.get(line["code"], line["self"]) if who is Scorer.TOWNSHIP else line["self"]
    must_be_given(row, items, "township", Scorer.TOWNSHIP)
    row.township_hundredths = flags.points_of(row.lines, "township")


def _check_ranks(rows: Sequence[FlagApplication], wanted: Mapping[int, Review]) -> None:
    """A township ranks its villages once for each flag."""
    given = [(row, rank) for row in rows if (rank := wanted[row.pk].rank) is not None]
    if not given:
        return
    parents = {row.pk: row.path[: -Unit.steplen] for row in rows}
    taken = {
        (category, path[: -Unit.steplen], rank)
        for category, path, rank in FlagApplication.objects.filter(
            category__in={row.category_id for row, _rank in given}, township_rank__isnull=False
        )
        .exclude(pk__in=[row.pk for row, _rank in given][:1000])
        .exclude(state=State.WITHDRAWN)
        .values_list("category_id", "path", "township_rank")
    }
    for row, rank in given:
        key = (row.category_id, parents[row.pk], rank)
        if rank < 1 or key in taken:
            raise ValidationError(
                _("%(what)s: rank %(rank)s is taken in the township.") % {"what": title_of(row), "rank": rank},
                "rank_taken",
            )
        taken.add(key)


# --- The department's recheck -----------------------------------------------------------------


@dataclass(frozen=True)
class Recheck:
    """What the lead department finds: points it gives, and those it changes, each change with its reason."""

    application_id: int
    points: Points = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    opinion: str = ""
    version: int | None = None


@transaction.atomic
def recheck_applications(rechecks: Sequence[Recheck], *, by: User, now: datetime) -> list[FlagApplication]:
    """The recheck by who leads the flag. What the system computes is computed once more and frozen.

    ValidationError "round_not_open", "wrong_state", "points_missing", "reason_missing" (of a change);
    PermissionDenied outside the flags one leads, and for who applied or reviewed.
    """
    wanted = {one.application_id: one for one in rechecks}
    rows = locked(by, ["recheck"], list(wanted), _versions({pk: one.version for pk, one in wanted.items()}))
    refuse_own(rows, by, Verb.RECHECK, "township_reviewed_by")
    items, known = criteria_of(rows), known_lines(rows, now)
    moves = Moves("assessments.recheck_flagapplication", by, now)
    for row in rows:
        one = wanted[row.pk]
        must_be_open(row.round)
        following = must_lead_on(row, Verb.RECHECK)
        _recheck_lines(row, items[row.category_id], one, known[row.category_id][row.village_id])
        row.department_opinion = clean_text(one.opinion)
        row.rechecked_by, row.rechecked_at = by, now
        moves.add(row, following, note=row.department_opinion, with_lines=True, score=row.checked_hundredths)
    return moves.write(
        "lines",
        "checked_hundredths",
        "panel_hundredths",
        "score_hundredths",
        "gates_failed",
        "department_opinion",
        "rechecked_by_id",
        "rechecked_at",
    )


def _recheck_lines(
    row: FlagApplication, items: Mapping[str, FlagCriterion], one: Recheck, known: Sequence[Line]
) -> None:
    check_points(items, one.points)
    found = {line["code"]: line for line in known}
    for line in row.lines:
        for name in ("computed", "value", "records"):
            line[name] = found[line["code"]][name]
        base = base_of(items[line["code"]], line)
        line["checked"] = one.points.get(line["code"], base)
        line["reason"] = clean_text(one.reasons.get(line["code"], ""))
        if base is not None and line["checked"] != base and not line["reason"]:
            raise ValidationError(
                _("%(what)s: give the reason why %(name)s is changed.")
                % {"what": title_of(row), "name": items[line["code"]].name},
                "reason_missing",
            )
    for who in Scorer:
        must_be_given(row, items, "checked", who)
    row.checked_hundredths = flags.points_of(row.lines, "checked")
    row.gates_failed = flags.gates_failed(row.lines, gate_codes(items))
    row.panel_hundredths = None
    row.score_hundredths = flags.score(row.checked_hundredths, None, row.round.panel_share)


def base_of(item: FlagCriterion, line: Line) -> int | bool | None:
    """What the department starts from: computed, or given by the township; None where it scores itself."""
    who = scorer(item, line)
    if who is Scorer.DEPARTMENT:
        return None
    base: int | bool | None = line["computed"] if who is Scorer.SYSTEM else line["township"]
    return base


def full_points(item: FlagCriterion) -> int | bool:
    """All there is to get."""
    return True if item.is_gate else to_hundredths(item.points)


@transaction.atomic
def return_application(
    application_id: int, reason: str, *, by: User, now: datetime, version: int | None = None
) -> FlagApplication:
    """Back to the township: by the lead department, or by the county before the meeting. The reason is read there."""
    (row,) = locked(by, ["recheck", "decide"], [application_id], _versions({application_id: version}))
    must_be_open(row.round)
    following = must_lead_on(row, Verb.RETURN)
    moves = Moves("assessments.return_flagapplication", by, now)
    moves.add(
        row, following, note=must_say(reason, _("Please say what the township has to put right."), "reason_missing")
    )
    moves.write()
    return row

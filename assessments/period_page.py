"""What the page of a month shows: who has handed in, what is next, the draft, the revisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Job
from assessments import home
from assessments.board import Words, names_list
from assessments.home import TownshipProgress
from assessments.jobs import CLOSE
from assessments.models import Period, Ranking, Result, Return, Unlock
from assessments.services.review import REMINDER_PAUSE
from branches.models import Unit
from branches.scoping import STEP

if TYPE_CHECKING:
    from accounts.models import User

STATES = (Period.State.OPEN, Period.State.LOCKED, Period.State.COMPUTED, Period.State.PUBLISHED, Period.State.CLOSED)
NOT_RANKED_SHOWN = 20


@dataclass(frozen=True)
class MonthRow:
    """A month in the list, with its returns by state and the revision that holds."""

    period: Period
    returns: int
    submitted: int
    accepted: int
    revision: int | None
    has_draft: bool


def months(user: User) -> QuerySet[Period]:
    """The months the user may see with the figures of `month_row`, newest first."""
    returns = Q(returns__in=Return.objects.for_user(user))
    return (
        Period.objects.for_user(user)
        .select_related("unit", "scheme")
        .defer("rules_in_force", "scheme__snapshot")
        .annotate(
            return_count=Count("returns", filter=returns, distinct=True),
            submitted_count=Count(
                "returns", filter=returns & Q(returns__state__in=["submitted", "accepted"]), distinct=True
            ),
            accepted_count=Count("returns", filter=returns & Q(returns__state="accepted"), distinct=True),
        )
        .order_by("-month", "path")
    )


def month_rows(periods: Sequence[Period], user: User) -> list[MonthRow]:
    """One query for the revisions of all of them."""
    revisions: dict[int, int] = {}
    drafts: set[int] = set()
    rows = Ranking.objects.for_user(user).filter(period__in=periods).values_list("period_id", "revision", "state")
    for period_id, revision, state in rows:
        if state == Ranking.State.PUBLISHED:
            revisions[period_id] = revision
        elif state == Ranking.State.DRAFT:
            drafts.add(period_id)
    return [
        MonthRow(
            period,
            period.return_count,  # type: ignore[attr-defined]
            period.submitted_count,  # type: ignore[attr-defined]
            period.accepted_count,  # type: ignore[attr-defined]
            revisions.get(period.pk),
            period.pk in drafts,
        )
        for period in periods
    ]


@dataclass(frozen=True)
class TownshipRow:
    """A township's line: its return, how far it is, whether it can be reminded now."""

    progress: TownshipProgress
    can_be_reminded: bool

    @property
    def submission(self) -> Return:
        return self.progress.submission


def township_rows(period: Period, user: User, now: datetime) -> list[TownshipRow]:
    return [
        TownshipRow(progress, _can_be_reminded(progress.submission, period, now))
        for progress in home.progress_of(period, user)
    ]


def _can_be_reminded(submission: Return, period: Period, now: datetime) -> bool:
    if period.state != Period.State.OPEN or submission.state not in {Return.State.DRAFT, Return.State.RETURNED}:
        return False
    return submission.reminded_at is None or now - submission.reminded_at > REMINDER_PAUSE


def return_counts(rows: Iterable[TownshipRow]) -> dict[str, int]:
    counts = Counter(row.submission.state for row in rows)
    return {state: counts[state] for state in Return.State.values}


def step_of(period: Period) -> int:
    """Place of the month among its steps, counted from 1; past the last one when closed."""
    if period.state == Period.State.PLANNED:
        return 0
    place = STATES.index(period.state) + 1
    return place + 1 if period.state == Period.State.CLOSED else place


def step_labels() -> list[str]:
    return [_("Entry and review"), _("Locked"), _("Draft ranking"), _("Published"), _("Closed")]


@dataclass(frozen=True)
class Draft:
    """A draft ranking as the person who publishes it should see it."""

    ranking: Ranking
    words: Words
    grades: list[tuple[str, int]]
    warnings: list[str]
    not_ranked: list[tuple[str, str, str]]
    not_ranked_count: int

    @property
    def is_correction(self) -> bool:
        return self.ranking.revision > 1


def draft_of(period: Period, user: User) -> Draft | None:
    """The draft of the month, for those who may see drafts. Four queries."""
    rankings = Ranking.objects.for_user(user).filter(period=period, state=Ranking.State.DRAFT)
    ranking = rankings.select_related("computed_by", "period").first()
    if ranking is None:
        return None
    words = Words.of(ranking)
    results = Result.objects.for_user(user, "list").filter(ranking=ranking)
    grades = dict(results.order_by().values_list("grade").annotate(Count("pk")))
    waiting = results.filter(county_rank__isnull=True).order_by("path")
    names = townships_by_path(ranking.path)
    missing = [
        (names.get(path[:-STEP], ""), name, names_list(words.indicator(code) for code in codes))
        for path, name, codes in waiting.values_list("path", "village__name", "missing")[:NOT_RANKED_SHOWN]
    ]
    return Draft(
        ranking=ranking,
        words=words,
        grades=[(label, grades.get(code, 0)) for code, label in words.grades()],
        warnings=words.warnings(ranking, names_by_code(ranking.path)),
        not_ranked=missing,
        not_ranked_count=ranking.village_count - ranking.ranked_count,
    )


def townships_by_path(path: str) -> dict[str, str]:
    return dict(Unit.objects.under(path).townships().values_list("path", "name"))


def names_by_code(path: str) -> Mapping[str, str]:
    """Names of the townships under a county by their codes, as warnings name them."""
    rows = Unit.objects.under(path).townships().exclude(code=None)
    return dict(rows.values_list("code", "name"))


def revisions_of(period: Period, user: User) -> list[Ranking]:
    """Every revision the user may see, newest first."""
    rankings = Ranking.objects.for_user(user).filter(period=period).select_related("computed_by", "published_by")
    return list(rankings.defer("rules").order_by("-revision"))


def unlocks_of(period: Period, user: User) -> list[Unlock]:
    """Requests to open a return of the month again, those that wait first."""
    rows = Unlock.objects.for_user(user).filter(submission__period=period)
    return list(
        rows.select_related("submission__unit", "asked_by", "decided_by").order_by(
            "is_approved", "relocked_at", "-asked_at"
        )
    )


def closing_job(period: Period) -> Job | None:
    """The latest computation of the month that somebody asked for."""
    return Job.objects.filter(kind=CLOSE, key=str(period.pk)).order_by("-pk").first()

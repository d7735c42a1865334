"""What the ranking page shows of one ranking: its groups, the filtered rows, the words beside them.

Reads only. The number of queries does not depend on the number of villages.
Rule: docs/guide/ranking-and-receipt.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from assessments import receipts
from assessments.models import Ranking, Result
from assessments.rules import (
    AdjustmentRule,
    CategoryRule,
    GradeLine,
    IndicatorRule,
    SchemeRules,
    from_hundredths,
    in_language,
    points_text,
)
from branches.models import Unit, VillageClass
from branches.scoping import STEP

if TYPE_CHECKING:
    from accounts.models import User

PAGE_SIZES = (25, 50, 100)
FAR_MOVES = 5
MONTHS_SHOWN = 12
LOST_SHOWN = 3
SERIES = (1, 5, 2, 3, 4, 7, 8)
"""Chart series of the categories in their order; bonus has its own."""
BONUS_SERIES = 6


@dataclass(frozen=True)
class Filters:
    """What of a ranking is asked for. Empty means all; a class or a band also says which rank is shown."""

    village_class: str = ""
    band: str = ""
    township: str = ""
    grade: str = ""
    name: str = ""
    moved: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        """From an address; what is unknown counts as not asked for."""
        village_class, band = query.get("class", ""), query.get("band", "")
        return cls(
            village_class=village_class if village_class in VillageClass.Kind.values else "",
            band=band if band in VillageClass.Band.values and not village_class else "",
            township=query.get("township", "") if query.get("township", "").isdecimal() else "",
            grade=query.get("grade", "")[:20],
            name=query.get("name", "").strip()[:40],
            moved=query.get("moved") == "1",
        )

    def as_query(self) -> dict[str, str]:
        """The parameters of an address that ask for the same."""
        asked = {
            "class": self.village_class,
            "band": self.band,
            "township": self.township,
            "grade": self.grade,
            "name": self.name,
            "moved": "1" if self.moved else "",
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def rank_field(self) -> str:
        return "class_rank" if self.village_class else "band_rank" if self.band else "county_rank"

    @property
    def is_narrowed(self) -> bool:
        """Whether anything beside the group is asked for."""
        return replace(self, village_class="", band="") != Filters()

    def group_label(self) -> str:
        if self.village_class:
            return _("%(kind)s villages") % {"kind": VillageClass.Kind(self.village_class).label}
        if self.band:
            return _("starting band %(band)s") % {"band": VillageClass.Band(self.band).label}
        return _("whole county")


@dataclass(frozen=True)
class Tab:
    label: str
    count: int
    query: str
    is_current: bool
    value: str = ""


@dataclass(frozen=True)
class Lost:
    """An indicator that cost points; `points` is positive."""

    code: str
    name: str
    points: Decimal


@dataclass(frozen=True)
class Row:
    """A village on the board. `rank` is the one of the chosen group."""

    result: Result
    rank: int | None
    township: str
    parts: list[tuple[int, Decimal]]
    difference: Decimal | None
    grade_label: str
    grade_tone: str
    veto: str
    missing: str
    may_open: bool = False
    lost: list[Lost] = field(default_factory=list)

    @property
    def low(self) -> Decimal:
        return from_hundredths(self.result.low_hundredths)

    @property
    def high(self) -> Decimal:
        return from_hundredths(self.result.high_hundredths)


@dataclass(frozen=True)
class Words:
    """The words of a ranking's rules in the language of the page."""

    rules: SchemeRules

    @classmethod
    def of(cls, ranking: Ranking) -> Words:
        return cls(SchemeRules.from_snapshot(ranking.rules))

    def grade(self, code: str) -> str:
        return next((own_name(line) for line in self.rules.grades if line.code == code), "")

    def tone(self, code: str) -> str:
        """The look of a grade by its place: best, last, or between."""
        places = [line.code for line in self.rules.grades]
        if code not in places:
            return "mid"
        place = places.index(code)
        return "top" if place == 0 else "low" if place == len(places) - 1 else "mid"

    def grades(self) -> list[tuple[str, str]]:
        return [(line.code, own_name(line)) for line in self.rules.grades]

    def indicator(self, code: str) -> str:
        rule = self.rules.indicator(code)
        return f"{code} {own_name(rule)}" if rule else code

    def short(self, code: str) -> str:
        rule = self.rules.indicator(code)
        if rule is None:
            return code
        return in_language(rule.short_name or rule.name, rule.short_name_en or rule.name_en or rule.short_name)

    def adjustment(self, code: str) -> str:
        item = self.rules.adjustment(code)
        return f"{code} {own_name(item)}" if item else code

    def legend(self) -> list[tuple[int, str, str]]:
        """(series, category, full marks) in the order of the bars."""
        return [
            (SERIES[place % len(SERIES)], own_name(category), points_text(self.rules.category_weight(category.code)))
            for place, category in enumerate(self.rules.categories)
        ]

    def grade_lines(self) -> list[str]:
        """Each grade as a sentence, best first."""
        return [_grade_sentence(self.rules.grades, place) for place in range(len(self.rules.grades))]

    def warnings(self, ranking: Ranking, township_names: Mapping[str, str]) -> list[str]:
        """What the county should look at before it publishes, as sentences. `township_names` by code."""
        return [text for warning in ranking.warnings if (text := self._warning(warning, township_names))]

    def _warning(self, warning: Mapping[str, Any], township_names: Mapping[str, str]) -> str:
        if warning["code"] == "not_accepted":
            return _("Not accepted, so not ranked: %(names)s.") % {"names": names_list(warning["townships"])}
        if warning["code"] != "quota":
            return ""
        township = township_names.get(warning["township"]) or warning["township"].rsplit("/", 1)[-1]
        names = {"township": township, "grade": self.grade(warning["grade"])}
        figures = {key: warning[key] for key in ("villages", "allowed", "reached", "awarded")}
        return _(
            "%(township)s: %(reached)s of %(villages)s villages reach the line of “%(grade)s”, "
            "the share allows %(allowed)s, %(awarded)s have it."
        ) % {**names, **figures}


def own_name(item: CategoryRule | IndicatorRule | AdjustmentRule | GradeLine) -> str:
    return in_language(item.name, item.name_en)


def names_list(names: Iterable[str]) -> str:
    return pgettext("between names", ", ").join(names)


def _grade_sentence(grades: Sequence[GradeLine], place: int) -> str:
    line = grades[place]
    words = {"grade": own_name(line), "points": points_text(line.minimum)}
    if line.best_share_percent is not None:
        words["share"] = str(line.best_share_percent)
        return _("%(grade)s: %(points)s points and more, and within the best %(share)s%% of the township") % words
    if place == len(grades) - 1 and place > 0:
        words["points"] = points_text(grades[place - 1].minimum)
        return _("%(grade)s: below %(points)s points, or a veto that says so") % words
    return _("%(grade)s: %(points)s points and more") % words


# --- Which ranking ------------------------------------------------------------------------


def rankings_shown(user: User) -> QuerySet[Ranking]:
    """The rankings on the user's board, newest month first: published ones, and older revisions of them."""
    return Ranking.objects.for_user(user).select_related("period__unit", "period__scheme").defer("changed_ranks")


def published_months(user: User, county_path: str) -> list[tuple[date, int]]:
    """(month, id of its published ranking) of the last twelve months of a county. One query."""
    rows = Ranking.objects.for_user(user).published().filter(path=county_path).order_by("-period__month")
    return list(rows.values_list("period__month", "pk")[:MONTHS_SHOWN])


def choose_ranking(user: User, *, ranking_id: str = "", month: date | None = None) -> Ranking | None:
    """The ranking asked for by id, else the published one of the month, else the newest published one."""
    rankings = rankings_shown(user)
    if ranking_id:
        return rankings.filter(pk=ranking_id).first() if ranking_id.isdecimal() else None
    published = rankings.filter(state=Ranking.State.PUBLISHED)
    if month is not None:
        published = published.filter(period__month=month)
    return published.order_by("-period__month", "path").first()


# --- Which rows ---------------------------------------------------------------------------


def listed(ranking: Ranking, user: User, filters: Filters) -> QuerySet[Result]:
    """The results asked for, best rank of the chosen group first, those without a rank at the end."""
    rows = Result.objects.for_user(user, "list").filter(ranking=ranking).select_related("village")
    if filters.village_class:
        rows = rows.filter(village_class=filters.village_class)
    if filters.band:
        rows = rows.filter(band=filters.band)
    if filters.township:
        path = Unit.objects.filter(pk=filters.township).values_list("path", flat=True).first()
        rows = rows.filter(path__startswith=path) if path else rows.none()
    if filters.grade:
        rows = rows.filter(grade=filters.grade)
    if filters.name:
        rows = rows.filter(village__name__contains=filters.name)
    if filters.moved:
        rows = rows.filter(Q(moved__gte=FAR_MOVES) | Q(moved__lte=-FAR_MOVES))
    return rows.order_by(F(filters.rank_field).asc(nulls_last=True), "path")


@dataclass(frozen=True)
class Groups:
    """How a ranking's villages divide: counts by class and by band, and its townships."""

    villages: int
    ranked: int
    classes: Mapping[str, int]
    bands: Mapping[str, int]
    townships: Sequence[tuple[int, str, str]]


def groups_of(ranking: Ranking, user: User) -> Groups:
    """Two queries. Townships are (id, name, path) in the order of the tree."""
    rows = (
        Result.objects.for_user(user, "list")
        .filter(ranking=ranking)
        .order_by()
        .values("village_class", "band")
        .annotate(villages=Count("pk"), ranked=Count("county_rank"))
    )
    classes: dict[str, int] = {}
    bands: dict[str, int] = {}
    villages = ranked = 0
    for row in rows:
        classes[row["village_class"]] = classes.get(row["village_class"], 0) + row["villages"]
        bands[row["band"]] = bands.get(row["band"], 0) + row["villages"]
        villages, ranked = villages + row["villages"], ranked + row["ranked"]
    townships = Unit.objects.under(ranking.path).townships().valid_on(ranking.period.month).order_by("path")
    return Groups(villages, ranked, classes, bands, list(townships.values_list("pk", "name", "path")))


def tabs(groups: Groups, filters: Filters) -> list[Tab]:
    """The whole county, then the classes that have villages."""
    is_all = not filters.village_class and not filters.band
    found = [Tab(pgettext("group of villages", "County"), groups.villages, "", is_all)]
    for kind in VillageClass.Kind:
        if groups.classes.get(kind):
            found.append(Tab(str(kind.label), groups.classes[kind], f"class={kind}", filters.village_class == kind))
    return found


def bands(groups: Groups, filters: Filters) -> list[Tab]:
    """The starting bands that have villages."""
    return [
        Tab(str(band.label), groups.bands[band], f"band={band}", filters.band == band, str(band))
        for band in VillageClass.Band
        if groups.bands.get(band)
    ]


def dress(
    results: Sequence[Result],
    ranking: Ranking,
    user: User,
    filters: Filters,
    *,
    townships: Sequence[tuple[int, str, str]],
    with_lost: bool = False,
) -> list[Row]:
    """The rows of a page with their words. One query: which receipts the user may open."""
    words = Words.of(ranking)
    names = {path: name for _pk, name, path in townships}
    opened = set(
        Result.objects.for_user(user, "view").filter(pk__in=[row.pk for row in results]).values_list("pk", flat=True)
    )
    return [
        Row(
            result=result,
            rank=getattr(result, filters.rank_field),
            township=names.get(result.path[:-STEP], ""),
            parts=_parts(result),
            difference=difference(result),
            grade_label=words.grade(result.grade),
            grade_tone=words.tone(result.grade),
            veto=words.adjustment(result.veto) if result.veto else "",
            missing=names_list(words.indicator(code) for code in result.missing),
            may_open=result.pk in opened,
            lost=lost_most(result, words) if with_lost else [],
        )
        for result in results
    ]


def lost_most(result: Result, words: Words, count: int = LOST_SHOWN) -> list[Lost]:
    """The indicators with most points lost; equal losses in the order of the scheme."""
    lines = [line for line in receipts.lines_of(result, words.rules) if line.kind == "indicator"]
    lines = [line for line in lines if line.lost and line.state != "missing"]
    worst = sorted(lines, key=lambda line: -line.lost)[:count]
    return [Lost(line.code, words.short(line.code), from_hundredths(line.lost)) for line in worst]


def _parts(result: Result) -> list[tuple[int, Decimal]]:
    """Lengths of the stacked bar: the categories, then the bonus."""
    parts = [
        (SERIES[place % len(SERIES)], from_hundredths(points))
        for place, points in enumerate(result.category_hundredths)
    ]
    if result.bonus_hundredths:
        parts.append((BONUS_SERIES, from_hundredths(result.bonus_hundredths)))
    return parts


def difference(result: Result) -> Decimal | None:
    """Points against last month; None without a total on both sides."""
    if result.total_hundredths is None or result.previous_total_hundredths is None:
        return None
    return from_hundredths(result.total_hundredths - result.previous_total_hundredths)


def snapshot_number(ranking: Ranking) -> str:
    """`PM-2026-09-R1`: the number under which a print can be compared with the stored ranking."""
    return f"PM-{ranking.period.month:%Y-%m}-R{ranking.revision}"


def own_name_of_scheme(rules: SchemeRules) -> str:
    return in_language(rules.name, rules.name_en)

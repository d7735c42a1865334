"""Two rounds of flags of the demo county: one awarded in the first half of the year, one under way.

Everything through the services, whole townships at a time. Figures follow the villages' invented quality.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from accounts.models import User
from assessments.models import FlagApplication, FlagAward, FlagCategory, FlagCriterion, FlagRound
from assessments.rules import to_hundredths
from assessments.services.flag_awards import approve_awards, decide_revocation, prepare_awards, propose_revocation
from assessments.services.flag_decisions import (
    Decision,
    decide_applications,
    decide_objection,
    does_pass,
    raise_objection,
    start_notice,
)
from assessments.services.flag_path import (
    Recheck,
    Review,
    Wish,
    apply_for_flags,
    recheck_applications,
    resubmit,
    return_application,
    review_applications,
    withdraw,
)
from assessments.services.flag_rounds import add_round, close_round, open_round
from branches.models import Unit
from config.demo.county import VillageFigures

State = FlagApplication.State
LEADS = {
    "F1": "party_department",
    "F2": "agriculture_department",
    "F3": "agriculture_department",
    "F4": "agriculture_department",
    "F5": "law_department",
}
STRONG = {"F1": 0.07, "F2": 0.03, "F3": 0.08, "F4": 0.04, "F5": 0.05}
"""How much easier the villages find each flag."""
ACCOUNTS_OF_WORK = {
    "F1": "主题党日按月开展，党员议事会全年议定实事 11 件，后备力量 3 人跟班培养。",
    "F2": "防返贫监测户逐户走访，光伏和茶叶项目收益按约定分红到户。",
    "F3": "盘活旧校舍出租，新建冷库投用，经营性收入比上年同期增加。",
    "F4": "污水管网接户，垃圾分类积分兑换，村民投工清理沟渠。",
    "F5": "小事不出村，调解员包片，村规民约和红白理事会管用。",
}
OPINIONS = ("工作扎实，群众认可，同意推荐。", "经镇党委会研究，同意推荐。", "材料核实无误，同意推荐。")


@dataclass(frozen=True)
class FlagCast:
    """Who takes part. `members` apply and `secretaries` review, by path of the township."""

    users: Mapping[str, User]
    members: Mapping[str, User]
    secretaries: Mapping[str, User]


def make_flags(
    county: Unit, villages: Sequence[Unit], figures: Mapping[int, VillageFigures], cast: FlagCast, *, now: datetime
) -> None:
    """The first half of the latest year whose 12 September has passed, and the second half, open."""
    today = timezone.localdate(now)
    year = today.year if today >= date(today.year, 9, 20) else today.year - 1
    rng = random.Random(year)
    first = _FirstHalf(county, villages, figures, cast, rng, year)
    first.run()
    _SecondHalf(county, villages, figures, cast, rng, year).run(first.row, now)


def _at(day: date, hour: int = 10) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(hour)))


class _Maker:
    """What both rounds share: who applies, what everybody gives."""

    def __init__(
        self,
        county: Unit,
        villages: Sequence[Unit],
        figures: Mapping[int, VillageFigures],
        cast: FlagCast,
        rng: random.Random,
        year: int,
    ) -> None:
        self.county, self.figures, self.cast, self.rng, self.year = county, figures, cast, rng, year
        self.staff, self.leader = cast.users["county_staff"], cast.users["county_leader"]
        self.by_township: dict[str, list[Unit]] = {path: [] for path in cast.secretaries}
        for village in villages:
            self.by_township[village.path[: -Unit.steplen]].append(village)
        self.row = FlagRound()
        self.categories: list[FlagCategory] = []
        self.criteria: dict[str, list[FlagCriterion]] = {}

    def set_up(self, values: dict[str, object], copy_of: FlagRound | None, day: date) -> None:
        row = add_round(self.county, values, copy_of=copy_of, by=self.staff)
        self.row = open_round(row, version=row.version, by=self.staff, now=_at(day))
        self.categories = list(self.row.categories.prefetch_related("criteria"))
        self.criteria = {category.code: list(category.criteria.all()) for category in self.categories}

    # --- What is given --------------------------------------------------------------------

    def share(self, village: Unit, code: str) -> float:
        """How well a village does, as a share of the points."""
        quality = self.figures[village.pk].quality
        return min(1.0, max(0.3, quality - 0.05 + STRONG.get(code, 0) + self.rng.gauss(0, 0.05)))

    def points(self, items: Sequence[FlagCriterion], source: str, share: float) -> dict[str, int | bool | None]:
        """Half points of every criterion of a source, gates met but for one in fifty."""
        found: dict[str, int | bool | None] = {}
        for item in items:
            if item.source != source:
                continue
            if item.is_gate:
                found[item.code] = self.rng.random() > 0.02
                continue
            full = to_hundredths(item.points)
            found[item.code] = min(full, int(full * (share + self.rng.gauss(0, 0.04))) // 50 * 50)
        return found

    def wishes(self, villages: Sequence[Unit], keenness: float) -> list[Wish]:
        """Good villages apply for more flags."""
        found = []
        for village in villages:
            for category in self.categories:
                quality = self.figures[village.pk].quality + STRONG.get(category.code, 0)
                if self.rng.random() > (quality - 0.48) * keenness:
                    continue
                share = min(1.0, self.share(village, category.code) + 0.02)
                given = self.points(self.criteria[category.code], "T", share)
                found.append(Wish(village, category.pk, given, ACCOUNTS_OF_WORK.get(category.code, "")))
        return found

    # --- Steps ----------------------------------------------------------------------------

    def apply(self, day: date, keenness: float) -> list[FlagApplication]:
        found: list[FlagApplication] = []
        for path, villages in self.by_township.items():
            wishes = self.wishes(villages, keenness)
            found += apply_for_flags(self.row, wishes, by=self.cast.members[path], now=_at(day))
        return found

    def review(self, rows: Sequence[FlagApplication], day: date) -> None:
        """The township keeps to what was given, ranked by it inside the township."""
        for path in self.by_township:
            own = [row for row in rows if row.path.startswith(path)]
            ranks: dict[str, int] = {}
            reviews = []
            for row in sorted(own, key=lambda row: -(row.self_hundredths or 0)):
                ranks[row.code] = ranks.get(row.code, 0) + 1
                reviews.append(Review(row.pk, self.rng.choice(OPINIONS), rank=ranks[row.code]))
            review_applications(reviews, by=self.cast.secretaries[path], now=_at(day))

    def recheck(self, rows: Sequence[FlagApplication], day: date) -> None:
        for category in self.categories:
            items = self.criteria[category.code]
            rechecks = []
            for row in rows:
                if row.category_id == category.pk:
                    rechecks.append(self._recheck(row, items))
            who = self.cast.users[LEADS.get(category.code, "party_department")]
            recheck_applications(rechecks, by=who, now=_at(day))

    def _recheck(self, row: FlagApplication, items: Sequence[FlagCriterion]) -> Recheck:
        share = self.share(row.village, row.code)
        known = {line["code"]: line for line in row.lines}
        points = self.points(items, "D", share)
        unknown = [item for item in items if item.source == "S" and known[item.code]["computed"] is None]
        points |= self.points(unknown, "S", share)
        reasons = {}
        entered = [item for item in items if item.source == "T"]
        if entered and self.rng.random() < 0.15:
            item = self.rng.choice(entered)
            given = known[item.code]["self"]
            if isinstance(given, int) and given > 100:
                points[item.code] = given - 100
                reasons[item.code] = "实地抽查与申报不完全一致，扣 1 分"
        return Recheck(row.pk, points, reasons, "经现场核查，情况属实。" if not reasons else "部分项目核减，其余属实。")

    def rows(self, state: str) -> list[FlagApplication]:
        rows = FlagApplication.objects.filter(round=self.row, state=state).select_related(
            "village", "category", "round"
        )
        return list(rows.order_by("path", "code"))


class _FirstHalf(_Maker):
    """From opening to the flags, with what happens on the way: returns, a refusal, two objections, one taken away."""

    def run(self) -> None:
        year = self.year
        self.set_up(
            {
                "name": f"{year}年上半年",
                "document": f"青组发〔{year}〕21 号",
                "first_on": date(year, 1, 1),
                "last_on": date(year, 6, 30),
                "apply_by": date(year, 6, 10),
                "valid_to": date(year, 12, 31),
            },
            None,
            date(year, 6, 1),
        )
        rows = self.apply(date(year, 6, 5), 2.0)
        self.review(rows, date(year, 6, 9))
        rows = self._returned(self.rows(State.TOWNSHIP_REVIEWED))
        self.recheck(rows, date(year, 6, 15))
        self._decide(date(year, 6, 18))
        granted = self.rows(State.DECIDED)
        first_day = _next_monday(date(year, 6, 20))
        start_notice(
            self.row,
            [row.pk for row in granted],
            from_on=first_day,
            by=self.staff,
            now=_at(first_day - timedelta(days=2)),
        )
        self._objections(first_day)
        self._award(date(year, 6, 30))
        close_round(self.row, version=self.row.version, by=self.staff, now=_at(date(year, 7, 1)))
        self._revoke(date(year, 9, 12))

    def _returned(self, rows: list[FlagApplication]) -> list[FlagApplication]:
        """Three go back for their papers and come again."""
        year = self.year
        for row in rows[7::97][:3]:
            who = self.cast.users[LEADS[row.code]]
            return_application(row.pk, "佐证材料缺群众满意度底册，请补齐后再报", by=who, now=_at(date(year, 6, 11)))
            path = row.path[: -Unit.steplen]
            given = {line["code"]: line["self"] for line in row.lines if line["self"] is not None}
            items = {item.code: item for item in self.criteria[row.code]}
            entered = {code: value for code, value in given.items() if items[code].source == "T"}
            resubmit(row.pk, entered, f"{row.text}底册已补。", by=self.cast.members[path], now=_at(date(year, 6, 12)))
            review_applications(
                [Review(row.pk, "材料已补齐，同意推荐。")], by=self.cast.secretaries[path], now=_at(date(year, 6, 13))
            )
        return self.rows(State.TOWNSHIP_REVIEWED)

    def _decide(self, met_on: date) -> None:
        rows = self.rows(State.DEPT_REVIEWED)
        for number, category in enumerate(self.categories, start=1):
            own = [row for row in rows if row.category_id == category.pk]
            passing = [row for row in own if does_pass(row)]
            refused = passing[-1].pk if number == 4 and passing else None
            decisions = [
                Decision(
                    row.pk,
                    does_pass(row) and row.pk != refused,
                    "近期有一件环境投诉正在核查，本期暂缓" if row.pk == refused else "",
                )
                for row in own
            ]
            decide_applications(
                category,
                decisions,
                met_on=met_on,
                minute_number=f"县委组织部部务会〔{self.year}〕{11 + number} 号",
                by=self.staff,
                now=_at(met_on, 16),
            )

    def _objections(self, first_day: date) -> None:
        """One upheld, one rejected: entered by the township, decided by the leader."""
        noticed = [row for row in self.rows(State.PUBLIC_NOTICE) if row.code in {"F4", "F5"}]
        for row, text, outcome, finding in zip(
            (noticed[0], noticed[-1]),
            ("村民反映河道垃圾两个月没有清理", "反映村务公开栏财务没有更新"),
            ("upheld", "rejected"),
            ("现场核查属实，问题在评选期内没有整改", "公开栏 6 月 8 日已更新，照片和底册齐全，不属实"),
            strict=True,
        ):
            by = self.cast.secretaries[row.path[: -Unit.steplen]]
            on = first_day + timedelta(days=1)
            objection = raise_objection(row.pk, text, raised_on=on, by=by, now=_at(on))
            decide_objection(objection.pk, outcome, finding, by=self.leader, now=_at(first_day + timedelta(days=3)))

    def _award(self, day: date) -> None:
        rows = self.rows(State.PUBLIC_NOTICE)
        awards = prepare_awards(self.row, [row.pk for row in rows], awarded_on=day, by=self.staff, now=_at(day, 9))
        approve_awards([award.pk for award in awards], by=self.leader, now=_at(day, 11))

    def _revoke(self, day: date) -> None:
        """A beautiful-village flag of the shown township, where there is one."""
        shown = self.cast.users["township_secretary"]
        path = next(path for path, user in self.cast.secretaries.items() if user.pk == shown.pk)
        held = list(FlagAward.objects.filter(round=self.row).select_related("village").order_by("path", "code"))
        award = min(held, key=lambda one: (not one.path.startswith(path), one.code != "F4", one.path))
        found = propose_revocation(
            award.village,
            "negative_list",
            happened_on=day,
            document=f"青组〔{self.year}〕31 号",
            note="县级督查确认负面清单第 7 项：向沟渠倾倒建筑垃圾",
            award_ids=[award.pk],
            by=self.staff,
            now=_at(day + timedelta(days=1)),
        )
        decide_revocation(found.pk, True, "", by=self.leader, now=_at(day + timedelta(days=2)))


class _SecondHalf(_Maker):
    """Under way: something waits for everybody."""

    def run(self, copy_of: FlagRound, now: datetime) -> None:
        year, today = self.year, timezone.localdate(now)
        opened = min(today - timedelta(days=6), date(year, 12, 1))
        self.set_up(
            {
                "name": f"{year}年下半年",
                "document": f"青组发〔{year}〕52 号",
                "first_on": date(year, 7, 1),
                "last_on": date(year, 12, 31),
                "apply_by": max(today, opened) + timedelta(days=14),
                "valid_to": date(year + 1, 6, 30),
            },
            copy_of,
            opened,
        )
        shown = self.cast.users["township_secretary"]
        path = next(path for path, user in self.cast.secretaries.items() if user.pk == shown.pk)
        others = [one for one in self.by_township if one != path][:5]
        self.by_township = {one: self.by_township[one] for one in (path, *others)}
        rows = self.apply(opened + timedelta(days=1), 1.7)
        ready = [row for number, row in enumerate(rows) if number % 3 or not row.path.startswith(path)]
        self.review(ready, opened + timedelta(days=2))
        reviewed = self.rows(State.TOWNSHIP_REVIEWED)
        self.recheck([row for number, row in enumerate(reviewed) if number % 4], opened + timedelta(days=4))
        self._on_the_way(path, opened + timedelta(days=5))
        self._in_notice(opened + timedelta(days=5))

    def _in_notice(self, day: date) -> None:
        """The last flag is decided on; most of what was granted stands in public notice, one of it held."""
        category = self.categories[-1]
        own = [row for row in self.rows(State.DEPT_REVIEWED) if row.category_id == category.pk]
        decisions = [Decision(row.pk, does_pass(row)) for row in own]
        minutes = f"县委组织部部务会〔{self.year}〕27 号"
        decide_applications(category, decisions, met_on=day, minute_number=minutes, by=self.staff, now=_at(day))
        granted = [row.pk for row in self.rows(State.DECIDED)]
        start_notice(self.row, granted[2:], from_on=day, by=self.staff, now=_at(day, 11))
        for row in self.rows(State.PUBLIC_NOTICE)[:1]:
            by = self.cast.secretaries[row.path[: -Unit.steplen]]
            raise_objection(row.pk, "村民反映有一起纠纷没有就地化解", raised_on=day, by=by, now=_at(day, 15))

    def _on_the_way(self, path: str, day: date) -> None:
        """In the shown township one went back to be put right and one was withdrawn."""
        waiting = [row for row in self.rows(State.TOWNSHIP_REVIEWED) if row.path.startswith(path)]
        if waiting:
            who = self.cast.users[LEADS[waiting[-1].code]]
            return_application(waiting[-1].pk, "项目收益分配表与台账不一致，请核对", by=who, now=_at(day))
        applied = [row for row in self.rows(State.APPLIED) if row.path.startswith(path)]
        if len(applied) > 2:
            withdraw(applied[-1].pk, "村里决定下一期再报", by=self.cast.members[path], now=_at(day))


def _next_monday(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) % 7)

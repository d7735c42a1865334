"""Of the file of a village: what its collective earns, the projects it takes part in, what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from branches.models import Unit
from branches.scoping import STEP
from branches.village_file import Figure, Part, Reminder, Section
from collective_economy.amounts import YUAN_IN_WAN
from collective_economy.contract_page import state_of
from collective_economy.counties import holds_at
from collective_economy.incomes import CENT
from collective_economy.models import Contract, Milestone
from collective_economy.village_page import Dues, Economy, band_name_of, dues_of, economy_of
from collective_economy.village_projects import VillageProjects

if TYPE_CHECKING:
    from accounts.models import User

SEE_LEDGER = "collective_economy.view_ledgermonth"
SEE_PROJECTS = "collective_economy.view_project"
WIDTH, HEIGHT, TOP, FOOT = 520, 190, 18, 22
"""Of the chart of the years, in units of its drawing."""
BAR = Decimal("0.5")
"""Of a year's width."""


def build(user: User, village: Unit, today: date) -> Part:
    """Twelve queries; none of what the user may not see."""
    figures: list[Figure] = []
    sections: list[Section] = []
    reminders: list[Reminder] = []
    may_see_ledger = holds_at(user, SEE_LEDGER, village.path)
    if may_see_ledger:
        economy = economy_of(village, today.year, today)
        band = band_name_of(village, _county_of(village), economy)
        dues = dues_of(user, village, today.year, today)
        figures.append(_figure(village, economy, band))
        sections += _income(village, economy, band)
        reminders += [*_arrears(village, dues), *_contracts(user, village, today)]
    if user.has_perm(SEE_PROJECTS):
        projects = VillageProjects(user, village)
        sections += _projects(user, village, projects, today, may_see_ledger=may_see_ledger)
        reminders += [_late(village, milestone, today) for milestone in projects.late_milestones(today)]
    return Part(figures=figures, sections=sections, reminders=reminders)


def _county_of(village: Unit) -> Unit | None:
    paths = [village.path[:end] for end in range(STEP, len(village.path), STEP)]
    return Unit.objects.counties().filter(path__in=paths).first()


def wan(yuan: Decimal) -> str:
    """In 万元 with two decimals, as the pages write it."""
    return f"{(yuan / YUAN_IN_WAN).quantize(CENT, ROUND_HALF_UP):,}".replace("-", "\u2212")


def _figure(village: Unit, economy: Economy, band: str) -> Figure:
    now, growth = economy.now, economy.growth
    note = band or _("no ledger this year")
    if growth is not None:
        note = _("on the year before %(growth)s%%, %(band)s") % {"growth": _signed(growth), "band": band}
    return Figure(
        order=25,
        label=gettext_lazy("Operating income this year"),
        value=wan(now.operating) if now else "—",
        unit=_("10 000 yuan"),
        note=note,
        url=reverse("collective_economy:village", args=[village.pk]),
    )


def _signed(percent: Decimal) -> str:
    return f"{percent:+}".replace("-", "\u2212")


# --- Sections -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A year of the chart: the lower part is operating income, the upper one the rest. Coordinates as text."""

    label: str
    x: str
    width: str
    middle: str
    parts: list[tuple[str, str, str]]
    """Class of the colour, y, height."""
    total: str
    total_y: str


def _bars(economy: Economy) -> list[Bar]:
    """Empty without any income; what reversals brought below zero is not drawn."""
    held = [(year, income) for year in economy.years if (income := economy.of(year)) is not None]
    most = max((income.total for _year, income in held), default=Decimal(0))
    if most <= 0:
        return []
    step = Decimal(WIDTH) / len(economy.years)
    bars = []
    for year, income in held:
        x = economy.years.index(year) * step + step * (1 - BAR) / 2
        bottom = Decimal(HEIGHT - FOOT)
        parts = []
        for series, amount in (("f1", income.operating), ("f0", income.not_operating)):
            height = max(amount, Decimal(0)) / most * (HEIGHT - FOOT - TOP)
            bottom -= height
            parts.append((series, f"{bottom:.1f}", f"{height:.1f}"))
        bars.append(
            Bar(
                label=economy.label_of(year),
                x=f"{x:.1f}",
                width=f"{step * BAR:.1f}",
                middle=f"{x + step * BAR / 2:.1f}",
                parts=parts,
                total=wan(income.total),
                total_y=f"{bottom - 4:.1f}",
            )
        )
    return bars


def _income(village: Unit, economy: Economy, band: str) -> list[Section]:
    bars = _bars(economy)
    if not bars:
        return []
    context = {
        "unit": village,
        "economy": economy,
        "band": band,
        "bars": bars,
        "width": WIDTH,
        "height": HEIGHT,
        "base": HEIGHT - FOOT,
        "label_y": HEIGHT - 6,
    }
    title = gettext_lazy("Collective income (10 000 yuan)")
    return [
        Section(order=30, code="income", title=title, template="collective_economy/_file_income.html", context=context)
    ]


def _projects(
    user: User, village: Unit, projects: VillageProjects, today: date, *, may_see_ledger: bool
) -> list[Section]:
    if not projects.projects:
        return []
    context = {
        "unit": village,
        "year": today.year,
        "projects": projects.lines(user, today.year),
        "may_see_ledger": may_see_ledger,
    }
    title = gettext_lazy("Projects and money")
    return [
        Section(
            order=40, code="projects", title=title, template="collective_economy/_file_projects.html", context=context
        )
    ]


# --- Reminders ------------------------------------------------------------------------------


def _arrears(village: Unit, dues: Dues) -> list[Reminder]:
    """One for all that is late: the page lists them."""
    if not dues.overdue:
        return []
    count = len(dues.overdue)
    title = ngettext("%(n)d receivable is late", "%(n)d receivables are late", count) % {"n": count}
    worst = max(days for _row, days in dues.overdue)
    detail = _("%(amount)s (10 000 yuan) missing, up to %(days)d days late") % {
        "amount": wan(dues.sums.overdue),
        "days": worst,
    }
    url = reverse("collective_economy:village", args=[village.pk]) + "#dues"
    return [Reminder(icon="coins", title=title, detail=detail, url=url)]


def _contracts(user: User, village: Unit, today: date) -> list[Reminder]:
    rows = Contract.objects.for_user(user).filter(unit=village, ended_on=None, ends_on__gte=today).order_by("ends_on")
    url = reverse("collective_economy:village", args=[village.pk]) + "#contracts"
    return [
        Reminder(
            icon="file-text",
            title=_("The contract with %(party)s ends on %(day)s") % {"party": row.party, "day": row.ends_on},
            detail=_("%(subject)s: agree on what follows.") % {"subject": row.subject},
            url=url,
        )
        for row in rows
        if state_of(row, today) == "ending"
    ]


def _late(village: Unit, milestone: Milestone, today: date) -> Reminder:
    days = (today - milestone.due_on).days
    return Reminder(
        icon="calendar-time",
        title=_("%(project)s: %(name)s is late") % {"project": milestone.project.name, "name": milestone.name},
        detail=ngettext("%(n)d day late", "%(n)d days late", days) % {"n": days},
        url=reverse("collective_economy:village", args=[village.pk]) + "#projects",
    )

"""The reference district's 40.35 million yuan followed in the browser, from programme to village and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from branches.models import Unit
from collective_economy.models import LedgerEntry, Payment, Programme, Project, ProjectSource
from collective_economy.sharing import allocate
from config.demo.reference import county_of, make_reference_programme, people_of
from config.formatting import wan
from tests.browser.conftest import SignIn


@pytest.fixture
def page(sign_in: SignIn) -> Page:
    """Signed in as the staff of the district, everything seeded."""
    now = timezone.now()
    district = county_of("")
    people = people_of(district, now)
    make_reference_programme(district, people, seed_number=7, now=now)
    return sign_in(people["staff"], language="en")


def texts(cells: Locator) -> list[str]:
    return [text.strip() for text in cells.all_inner_texts()]


def total(rows: Iterable[Decimal]) -> Decimal:
    return sum(rows, Decimal(0))


def money_of(project: Project) -> tuple[Decimal, Decimal, Decimal]:
    """Approved, received and paid, the two from the payments and not from the kept sums."""
    confirmed = Payment.objects.filter(project=project, state="confirmed")
    moved = {
        kind: total(confirmed.filter(kind=kind).values_list("amount", flat=True)) for kind in ("receipt", "payment")
    }
    approved = total(project.sources.values_list("approved", flat=True))
    return approved, moved["receipt"], moved["payment"]


def test_every_yuan_is_followed_from_programme_to_village_and_back(page: Page) -> None:
    programme = Programme.objects.get()
    sources = list(ProjectSource.objects.all())
    approved = total(source.approved for source in sources)
    received = total(Payment.objects.filter(kind="receipt").values_list("amount", flat=True))
    paid = total(Payment.objects.filter(kind="payment").values_list("amount", flat=True))
    income = total(LedgerEntry.objects.values_list("amount", flat=True))
    assert approved == Decimal("40350000.00")

    # The programme: released, approved, handed out, paid, earned.
    programme_page = reverse("collective_economy:programme", args=[programme.pk])
    page.goto(programme_page)
    told = texts(page.locator(".pj-flow5 .v a"))
    assert told == ["4,035.00", "4,035.00", wan(received), wan(paid), wan(income)]
    by_source = texts(page.locator("#sources tbody tr td:nth-child(2)"))
    assert by_source == ["2,421.00", "807.00", "403.50", "403.50"]
    assert texts(page.locator("#sources tfoot td")) == [
        "4,035.00", "4,035.00", "0.00", wan(received), wan(paid), "0.00", wan(received - paid),
    ]  # fmt: skip

    # Its projects, page by page: each row against the payments, all rows together against the programme.
    shown: dict[str, tuple[str, ...]] = {}
    for number in range(1, 8):
        page.goto(f"{programme_page}?page={number}")
        for row in page.locator("#projects tbody tr").all():
            key = texts(row.locator("th .p-hint"))[0].split()[0]
            shown[key] = tuple(texts(row.locator("td.n")))[:3]
    projects = list(Project.objects.order_by("number"))
    assert len(projects) == len(shown) == 162
    assert shown == {project.number: tuple(map(wan, money_of(project))) for project in projects}

    # A joint project: its villages' parts are all of its money.
    project = next(one for one in projects if one.shares.count() == 5 and one.stage == "done")
    page.goto(f"{programme_page}?page={1 + projects.index(project) // 25}")
    page.goto(reverse("collective_economy:project", args=[project.pk]))
    whole = money_of(project)
    shares = list(project.shares.select_related("unit").order_by("path"))
    parts = allocate(whole[0], [share.percent for share in shares])
    rows = page.locator("#villages tbody tr")
    assert [texts(row.locator("td"))[1] for row in rows.all()] == [wan(part) for part in parts]
    assert texts(page.locator("#villages tfoot td")) == ["100%", *map(wan, whole)]
    assert total(parts) == whole[0]

    # A payment of it, to the cent.
    page.goto(f"{reverse('collective_economy:payment_list')}?project={project.pk}")
    page.locator("main tbody th a, main tbody td a").first.click()
    expect(page).to_have_url(re.compile(r"/payments/\d+/$"))
    payment = Payment.objects.get(pk=int(page.url.rstrip("/").rsplit("/", 1)[1]))
    assert payment.project_id == project.pk
    expect(page.locator("dl")).to_contain_text(f"{payment.amount:,.2f} yuan")
    assert texts(page.locator("main tbody td.n"))[:3] == [
        wan(payment.source.approved), wan(payment.source.received), wan(payment.source.paid),
    ]  # fmt: skip

    # Back to the project, on to one of its villages with what it earned, and back to the programme.
    page.locator("dl a", has_text=project.name).first.click()
    expect(page).to_have_url(re.compile(rf"/projects/{project.pk}/$"))
    village = shares[2].unit
    page.goto(reverse("collective_economy:village", args=[village.pk]))
    line = page.locator("#projects tbody tr", has_text=project.name)
    assert texts(line.locator("td.n"))[0] == wan(parts[2])
    year = timezone.localdate().year
    earned = total(LedgerEntry.objects.filter(unit=village, month__year=year).values_list("amount", flat=True))
    assert texts(page.locator(".p-kpis .v").first)[0].startswith(wan(earned))
    line.locator("a", has_text=project.name).click()
    expect(page).to_have_url(re.compile(rf"/projects/{project.pk}/"))
    page.locator(f"main a[href*='/programmes/{programme.pk}/']").first.click()
    expect(page).to_have_url(re.compile(rf"/programmes/{programme.pk}/"))

    # The overview says the same sums.
    page.goto(f"{reverse('collective_economy:overview')}?year=all")
    assert texts(page.locator(".eo-flow .v a"))[:4] == ["4,035.00", wan(approved), wan(received), wan(paid)]
    assert Unit.objects.villages().count() == 210

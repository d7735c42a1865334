import os, pytest
from branches import indicators
from tests.browser.grid_ground import *
from tests.conftest import make_user
from accounts.roles import Role
OUT="/tmp/shots/"
def fillp(period):
    for row in VillageMonth.objects.filter(period=period, village__name__in=VILLAGES).select_related("village"):
        i=VILLAGES.index(row.village.name)
        for c,v in ENTRY.items(): row.values[c]=v[i]*10000
        n=row.village.name
        if n=="岭下村": row.values.update({"D3.d":120000,"D3.n":120000,"D5.d":90000,"D5.n":90000,"E1":680000}); row.notes={"D5.d":"防汛排查"}
        if n=="双井村": row.values.update({"D2.n":50000})
        if n=="青石村": row.values.pop("E2.d"); row.values.pop("E2.n")
        if n=="小塘村":
            for c in("E1","E2.d","E2.n","E4"): row.values.pop(c)
        if n=="桥头村":
            for c in("E1","E2.d","E2.n","E4"): row.values.pop(c)
            row.values["B1"]=[None,"exempt","村干部集中培训"]
        row.save()
@pytest.fixture
def ready(county):
    with indicators.replaced(*SOURCES):
        t=make_township(county); period=make_months(county); u=make_user("周明远",Role.TS,t)
        yield period,u
def test_shot(sign_in, ready):
    os.makedirs(OUT, exist_ok=True)
    period,u=ready; fillp(period)
    page=sign_in(u)
    open_grid(page,songling(period))
    cell(page,"新田村","交办任务交办").click()
    page.evaluate("navigator.clipboard.writeText('7\\t7\\t1\\t1\\n8\\t8\\t1\\t1\\n7\\t7\\t2\\t2')")
    page.keyboard.press("Control+v")
    cell(page,"双井村","环境检查").click(); page.keyboard.type("980")
    page.wait_for_timeout(1500)
    cell(page,"岭下村","诉求到期").click()
    page.wait_for_timeout(300)
    page.screenshot(path=OUT+"a.png")
    page.screenshot(path=OUT+"a_full.png", full_page=True)
    page.click('[data-grid="full"]'); page.click('[data-grid="last"]')
    cell(page,"小塘村","环境检查").click()
    page.wait_for_timeout(300)
    page.screenshot(path=OUT+"focus.png")
    page.click('[data-grid="last"]')

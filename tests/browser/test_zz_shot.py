"""screenshots"""
import pytest
from tests.browser.grid_ground import *
from tests.conftest import make_user
from accounts.roles import Role
OUT="/tmp/shots/"
def test_shot(sign_in, county):
    import os; os.makedirs(OUT, exist_ok=True)
    t=make_township(county)
    period=make_months(county)
    u=make_user("周明远",Role.TS,t)
    page=sign_in(u)
    open_grid(page,songling(period))
    page.screenshot(path=OUT+"empty.png")

"""The collective economy's part of the seed scheme, from ledger and projects to the lines of a village's receipt."""

from __future__ import annotations

from accounts.models import User
from assessments.models import Result
from assessments.receipts import lines_of
from assessments.rules import SchemeRules
from assessments.services.schemes import seed_layout
from branches.models import Unit
from tests.assessments.month_ground import compute, make_month
from tests.collective_economy.test_sources import APRIL, fill, keep_ledger, set_target, village

COMPUTED = {"P3", "N4", "N5", "V2"}


def economy_rules() -> SchemeRules:
    """What the seed scheme judges the collective economy by, 22 points."""
    seed = seed_layout()
    return SchemeRules.from_snapshot(
        seed
        | {
            "categories": [item for item in seed["categories"] if item["code"] == "C"],
            "indicators": [item for item in seed["indicators"] if item["category"] == "C"],
            "adjustments": [item for item in seed["adjustments"] if item["code"] in COMPUTED],
        }
    )


def test_a_month_is_scored_from_ledger_projects_and_audits(county: Unit, county_admin: User) -> None:
    fill("东一村")
    set_target(12_000, "东二村")
    keep_ledger("4月 经营 3000 汇总", village("东二村"))
    keep_ledger("4月 经营 9000", village("东三村"))
    rules = economy_rules()
    ranking = compute(make_month(county, month=APRIL, rules=rules), county_admin)
    results = {row.village.name: row for row in Result.objects.filter(ranking=ranking).select_related("village")}

    def points(name: str) -> dict[str, tuple[int, str]]:
        """Code -> (hundredths, state of an indicator)."""
        return {line.code: (line.points, line.state) for line in lines_of(results[name], rules) if line.kind != "cap"}

    first = points("东一村")
    assert {code: first[code][0] for code in ("C1", "C2", "C3", "C4", "C5")} == {
        "C1": 61,
        "C2": 300,
        "C3": 300,
        "C4": 60,
        "C5": 400,
    }
    assert {code: first[code][0] for code in ("P3", "N4", "N5")} == {"P3": 100, "N4": -300, "N5": -100}
    assert (results["东一村"].veto, results["东一村"].missing) == ("V2", [])

    second = points("东二村")
    assert {code: second[code] for code in ("C1", "C2", "C3", "C4")} == {
        "C1": (1050, "given"),
        "C2": (0, "not_applicable"),
        "C3": (0, "not_applicable"),
        "C4": (0, "not_applicable"),
    }
    assert second["C5"] == (800, "nothing_due")
    assert points("东三村")["C1"][1] == "missing"
    assert {name: row.missing for name, row in results.items() if row.missing} == {
        name: ["C1"] for name in ("东三村", "西一村", "西二村")
    }
    assert [results[name].total_hundredths is None for name in ("东二村", "东三村")] == [False, True]

"""Words of rosters to codes."""

from __future__ import annotations

import pytest

from cadres.codes import EDUCATION, GENDERS, POLITICAL, Post, education_code, posts_in


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("党组织书记", [10]),
        ("党支部书记", [10]),
        ("村党支部书记", [10]),
        ("九店社区党总支书记", [10]),
        ("支书", [10]),
        ("书记", [10]),
        ("副书记", [30]),
        ("党支部副书记", [30]),
        ("主任", [20]),
        ("村委会主任", [20]),
        ("村主任", [20]),
        ("居委会主任", [20]),
        ("副主任", [40]),
        ("村委会副主任", [40]),
        ("书记、主任", [10, 20]),
        ("书记兼主任", [10, 20]),
        ("书记主任", [10, 20]),
        ("党支部书记、村委会主任", [10, 20]),
        ("党支部书记（一肩挑）", [10, 20]),
        ("书记主任一肩挑", [10, 20]),
        ("一肩挑", [10, 20]),
        ("书记(主任)", [10, 20]),
        ("主任(代理)", [20]),
        ("支部委员", [50]),
        ("支委", [50]),
        ("组织委员", [50]),
        ("纪检委员", [50]),
        ("村委委员", [60]),
        ("村委会委员", [60]),
        ("委员", [60]),
        ("监委会主任", [70]),
        ("村务监督委员会主任", [70]),
        ("文书", [80]),
        ("村会计", [80]),
        ("报账员", [80]),
        ("副书记、文书", [30, 80]),
        ("第一书记", [90]),
        ("团支部书记", [90]),
        ("妇联主席", [90]),
        ("妇女主任", [90]),
        ("治保主任", [90]),
        ("网格长", [90]),
    ],
)
def test_posts(typed: str, codes: list[int]) -> None:
    assert [post.code for post in posts_in(typed, is_party=False)] == codes


def test_a_bare_member_belongs_to_the_column_and_other_posts_keep_their_words() -> None:
    assert posts_in("委员", is_party=True) == [Post(50)]
    assert posts_in("委员", is_party=False) == [Post(60)]
    assert posts_in("网格长、委员", is_party=False) == [Post(90, "网格长"), Post(60)]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("本科", "21"),
        ("大学", "21"),
        ("大学本科毕业", "21"),
        ("全日制本科", "21"),
        ("在职大学", "21"),
        ("大专", "31"),
        ("大学专科", "31"),
        ("党校大专", "31"),
        ("高职", "31"),
        ("中等专科", "41"),
        ("中专", "41"),
        ("职高", "44"),
        ("技校", "47"),
        ("高中", "61"),
        ("初中", "71"),
        ("小学", "81"),
        ("研究生", "14"),
        ("博士", "11"),
        ("本科肄业", "23"),
        ("大专结业", "32"),
        ("文盲", "90"),
        ("识字班", None),
    ],
)
def test_education(typed: str, code: str | None) -> None:
    assert education_code(typed) == code


def test_tables_name_codes_of_the_standards() -> None:
    assert set(POLITICAL.values()) == {f"{number:02}" for number in range(1, 14)}
    assert set(GENDERS.values()) == {"1", "2"}
    codes = "-".join(sorted(code for _pattern, code in EDUCATION))
    assert codes == "11-14-21-21-28-31-41-44-47-61-71-81-90"

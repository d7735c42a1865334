"""Words of rosters to the national codes and the list of village posts (handbook 8.1, 10.3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imports.normalising import clean_code

MALE, FEMALE = "1", "2"
GENDERS: Mapping[str, str] = {"男": MALE, "女": FEMALE, "男性": MALE, "女性": FEMALE, "1": MALE, "2": FEMALE}

MEMBER, PROBATIONARY, MASSES = "01", "02", "13"
POLITICAL: Mapping[str, str] = {
    **dict.fromkeys(("中共党员", "党员", "正式党员", "中共正式党员", "共产党员", "中国共产党党员", "是"), MEMBER),
    **dict.fromkeys(("中共预备党员", "预备党员", "预备", "党员(预备)", "中共党员(预备)"), PROBATIONARY),
    **dict.fromkeys(("共青团员", "团员"), "03"),
    **dict.fromkeys(("民革", "民革党员", "民革会员"), "04"),
    **dict.fromkeys(("民盟", "民盟盟员"), "05"),
    **dict.fromkeys(("民建", "民建会员"), "06"),
    **dict.fromkeys(("民进", "民进会员"), "07"),
    **dict.fromkeys(("农工党", "农工党党员"), "08"),
    **dict.fromkeys(("致公党", "致公党党员"), "09"),
    **dict.fromkeys(("九三学社", "九三学社社员"), "10"),
    **dict.fromkeys(("台盟", "台盟盟员"), "11"),
    **dict.fromkeys(("无党派", "无党派人士", "无党派民主人士"), "12"),
    **dict.fromkeys(("群众", "入党积极分子", "积极分子", "发展对象", "入党申请人"), MASSES),
}
NO_STATUS = frozenset({"否", "非党员", "不是"})
"""Answers to 是否党员 that leave the political status open."""

EDUCATION: tuple[tuple[str, str], ...] = (
    (r"博士", "11"),
    (r"硕士|研究生|硕研", "14"),
    (r"本科|大本|学士", "21"),
    (r"普通班", "28"),
    (r"中等专|中专|中师|中技", "41"),
    (r"专科|大专|高职|高专|高等职业|专升", "31"),
    (r"职业高中|职高|职中|职业中学", "44"),
    (r"技校|技工", "47"),
    (r"高中|高级中学", "61"),
    (r"初中|初级中学|中学", "71"),
    (r"小学", "81"),
    (r"大学", "21"),
    (r"文盲|不识字|其他|其它", "90"),
)
EDUCATION_WORDS: Mapping[str, str] = {
    "11": "博士研究生",
    "14": "硕士研究生",
    "17": "研究生班",
    "21": "大学本科",
    "28": "大学普通班",
    "31": "大学专科",
    "41": "中等专科",
    "44": "职业高中",
    "47": "技工学校",
    "61": "普通高中",
    "71": "初级中学",
    "81": "小学",
    "90": "其他",
}
"""For somebody of whom only the code is known."""
CHANGES: Mapping[str, str] = {
    **dict.fromkeys(("新任", "新进", "新任(新进)"), "new"),
    **dict.fromkeys(("继任", "连任", "留任", "续任"), "continuing"),
    **dict.fromkeys(("转任", "调任"), "moved"),
}
ORIGINS: Mapping[str, str] = {
    **dict.fromkeys(("群团机关企事业单位人员", "机关企事业单位人员"), "institution"),
    **dict.fromkeys(("高校毕业生", "大学毕业生"), "graduate"),
    "待业大中专毕业生": "jobless_graduate",
    "农村专业大户": "farmer",
    "私营企业主": "entrepreneur",
    **dict.fromkeys(("返乡农民工", "返乡人员"), "returnee"),
    **dict.fromkeys(("原任村两委", "原村两委", "原任村“两委”"), "committee"),
    "人才": "talent",
    **dict.fromkeys(("其他", "其它"), "other"),
}


def _first_words(table: Mapping[str, str]) -> dict[str, str]:
    """Code -> the first word for it, which the table reads back as the same code."""
    words: dict[str, str] = {}
    for word, code in table.items():
        words.setdefault(code, word)
    return words


GENDER_WORDS, POLITICAL_WORDS = _first_words(GENDERS), _first_words(POLITICAL)
CHANGE_WORDS, ORIGIN_WORDS = _first_words(CHANGES), _first_words(ORIGINS)

SECRETARY, DIRECTOR, DEPUTY_SECRETARY, DEPUTY_DIRECTOR = 10, 20, 30, 40
BRANCH_MEMBER, COMMITTEE_MEMBER, SUPERVISION_HEAD, CLERK, PARTY_WORKER, OTHER = 50, 60, 70, 80, 85, 90
POST_WORDS: Mapping[int, str] = {
    SECRETARY: "党组织书记",
    DIRECTOR: "村委会主任",
    DEPUTY_SECRETARY: "党组织副书记",
    DEPUTY_DIRECTOR: "村委会副主任",
    BRANCH_MEMBER: "党组织委员",
    COMMITTEE_MEMBER: "村委会委员",
    SUPERVISION_HEAD: "监委会主任",
    CLERK: "村文书",
    PARTY_WORKER: "乡镇党务干部",
}
"""As rosters write them; `posts_in` reads each back as the same post."""
PARTY_POSTS = frozenset({SECRETARY, DEPUTY_SECRETARY, BRANCH_MEMBER})
BRANCH = r"(?:(?:中共)?.{0,12}?(?:村|社区|居))?(?:党组织|党支部|党总支|党委|总支|支部|党)?(?:委员会|部)?"
COMMITTEE = r"(?:.{0,12}?(?:村|社区|居))?(?:村民委员会|居民委员会|村委会|居委会|委会|民委员会|村委|委)?"
POSTS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (rf"{BRANCH}(?:专职|常务)?副书记|{BRANCH}副支书", DEPUTY_SECRETARY),
        (rf"{BRANCH}书记|{BRANCH}支书|{BRANCH}支部书记", SECRETARY),
        (r".{0,8}(?:监委会|监督委员会|监委|监督)主任", SUPERVISION_HEAD),
        (rf"{COMMITTEE}(?:常务)?副主任|副村长", DEPUTY_DIRECTOR),
        (rf"{COMMITTEE}主任|村长", DIRECTOR),
        (
            rf"{BRANCH}(?:组织|宣传|纪检|统战|青年|妇女|保卫)委员|(?:.{{0,12}}村|社区)?(?:党支部|党总支|党委|支部|支|总支)委员?",
            BRANCH_MEMBER,
        ),
        (r"(?:.{0,12}?(?:村|社区))?(?:村民委员会|村委会|居委会|村委|两委)委员|村委|委员", COMMITTEE_MEMBER),
        (r".{0,8}(?:文书|会计|报账员|报帐员)", CLERK),
        (r"(?:乡镇|街道)党务(?:干部|工作者)", PARTY_WORKER),
    )
)
NOT_THE_SECRETARY = re.compile(r"第一书记|团支部|团总支|团委|妇联|妇女|治保|调解|计生|工会")
ASIDE = re.compile(r"\((代理|代|兼|挂职|专职|主持工作)\)")
SEPARATORS = re.compile(r"[、,;/兼和及+&()\s]+|(?<=书记)(?=主任|村委|村民|村主任)|(?<=主任)(?=副?书记)")
DUAL_HEAD = re.compile(r"\(?(书记、?主任)?一肩挑\)?$")


@dataclass(frozen=True, slots=True, order=True)
class Post:
    """`words` are those of the roster for a post outside the list, empty for one in it."""

    code: int
    words: str = ""


def words_of_posts(posts: Iterable[Post]) -> str:
    """In the order of rosters, divided by 、"""
    return "、".join(post.words or POST_WORDS.get(post.code, "") for post in sorted(posts))


def education_code(typed: str) -> str | None:
    """Code of GB/T 4658; 结业 and 肄业 change the second digit. None when no word is known."""
    plain = clean_code(typed)
    for pattern, code in EDUCATION:
        if re.search(pattern, plain):
            unfinished = 2 if "肄业" in plain else 1 if "结业" in plain else 0
            return str(int(code) + unfinished)
    return None


def words_of_education(code: str) -> str:
    """As a roster writes a level of which only the code is known; one that was not finished says so."""
    if not code or code in EDUCATION_WORDS:
        return EDUCATION_WORDS.get(code, "")
    finished = max((known for known in EDUCATION_WORDS if known <= code), default="")
    ending = {1: "结业", 2: "肄业"}.get(int(code) - int(finished), "") if finished else ""
    return EDUCATION_WORDS.get(finished, "") + ending


def posts_in(typed: str, *, is_party: bool) -> list[Post]:
    """The posts that a cell names. A bare 委员 is one of the branch when `is_party`."""
    plain = ASIDE.sub("", clean_code(typed))
    if re.fullmatch(r"\(?一肩挑\)?|书记主任|书记、主任", plain):
        return [Post(SECRETARY), Post(DIRECTOR)]
    parts = [part for part in SEPARATORS.split(DUAL_HEAD.sub("", plain)) if part]
    posts = [_post(part, is_party=is_party) for part in parts]
    if DUAL_HEAD.search(plain):
        posts += [Post(SECRETARY), Post(DIRECTOR)]
    return list(dict.fromkeys(posts))


def _post(word: str, *, is_party: bool) -> Post:
    if NOT_THE_SECRETARY.search(word):
        return Post(OTHER, word)
    if is_party and word == "委员":
        return Post(BRANCH_MEMBER)
    code = next((code for pattern, code in POSTS if pattern.fullmatch(word)), OTHER)
    return Post(code, word if code == OTHER else "")

"""The columns that rosters of people share, declared once (handbook 8.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from branches.sheets import REMARK, TOWNSHIP, VILLAGE
from cadres import codes
from imports import cells
from imports.cells import EMPTY, Context, Parse, Reading
from imports.normalising import clean_code, clean_line, is_empty_word
from imports.reading import Cell
from imports.sheets import Column
from imports.tables import text_of


def from_table(table: Mapping[str, str], *, nothing: frozenset[str] = frozenset()) -> Parse:
    """A word of a closed list, as its code."""

    def parse(cell: Cell, context: Context) -> Reading:
        typed = clean_code(text_of(cell))
        if typed in table:
            return Reading(table[typed])
        return EMPTY if typed in nothing or is_empty_word(typed) else Reading(codes=("choice_unknown",))

    return parse


def education(cell: Cell, context: Context) -> Reading:
    """(code, words)."""
    typed = clean_line(text_of(cell))
    if is_empty_word(typed):
        return EMPTY
    code = codes.education_code(typed)
    return Reading((code, typed)) if code else Reading(codes=("choice_unknown",))


def highest(values: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Of 全日制 and 在职: smaller codes are higher degrees."""
    return min(values)


def origin(cell: Cell, context: Context) -> Reading:
    """The code, or the words for what is not in the list."""
    typed = clean_code(text_of(cell))
    if is_empty_word(typed):
        return EMPTY
    return Reading(codes.ORIGINS[typed]) if typed in codes.ORIGINS else Reading(typed, ("choice_other",))


def posts(*, is_party: bool) -> Parse:
    """Posts of a column; one outside the list is kept with its words."""

    def parse(cell: Cell, context: Context) -> Reading:
        typed = clean_code(text_of(cell))
        if is_empty_word(typed):
            return EMPTY
        found = codes.posts_in(typed, is_party=is_party)
        is_other = any(post.code == codes.OTHER for post in found)
        return Reading(found, ("choice_other",) if is_other else ())

    return parse


def birth(cell: Cell, context: Context) -> Reading:
    """An age is only a hint and is not kept."""
    if re.fullmatch(r"\(?\d{1,3}(周?岁)?\)?", clean_code(text_of(cell))):
        return EMPTY
    return cells.partial_date(cell, context)


def everything(values: Sequence[str]) -> list[str]:
    return list(values)


def joined_posts(values: Sequence[list[codes.Post]]) -> list[codes.Post]:
    return list(dict.fromkeys(post for posts in values for post in posts))


def post_words(*posts: int) -> tuple[str, ...]:
    return tuple(codes.POST_WORDS[post] for post in posts)


YES_NO = ("是", "否")
NAME = Column("name", ("姓名", "名字", "干部姓名", "人员姓名", "name"), cells.person_name, 60, is_required=True)
GENDER = Column(
    "gender",
    ("性别", "gender"),
    from_table(codes.GENDERS),
    20,
    words=lambda code: codes.GENDER_WORDS.get(code, ""),
    choices=("男", "女"),
)
BIRTH = Column("birth", ("出生年月", "出生日期", "出生年月日", "生日", "出生时间", "出生", "年龄"), birth, 60)
IDENTITY = Column(
    "id_number",
    ("身份证号", "身份证号码", "公民身份号码", "公民身份证号码", "居民身份证号", "身份证", "证件号", "证件号码"),
    cells.identity,
    60,
    words=lambda found: found.number if found else "",
    is_secret=True,
)
POLITICAL = Column(
    "political",
    ("政治面貌", "党派", "是否党员", "是否中共党员"),
    from_table(codes.POLITICAL, nothing=codes.NO_STATUS),
    60,
    words=lambda code: codes.POLITICAL_WORDS.get(code, ""),
    choices=("中共党员", "中共预备党员", "共青团员", "群众"),
)
JOINED = Column("joined_on", ("入党时间", "入党年月", "入党日期", "加入时间", "何时入党"), cells.partial_date, 60)
FULL_MEMBER = Column("full_member_on", ("转正时间", "转正日期", "转正年月"), cells.partial_date, 60)
EDUCATION = Column(
    "education",
    ("学历", "最高学历", "文化程度", "全日制学历", "在职学历", "学历/全日制", "学历/在职", "学历层次"),
    education,
    60,
    choose=highest,
    words=lambda found: found[1] if found else "",
    choices=("硕士研究生", "大学本科", "大学专科", "中等专科", "普通高中", "初级中学", "小学"),
)
MAJOR = Column("major", ("专业", "所学专业"), cells.line, 100)
PHONE = Column("phone", ("手机号", "手机号码", "联系电话", "联系方式", "电话", "手机", "电话号码"), cells.phone, 40)

PERSON_COLUMNS = (TOWNSHIP, VILLAGE, NAME, GENDER, BIRTH, IDENTITY, POLITICAL, JOINED, FULL_MEMBER, EDUCATION, MAJOR)
CADRE_COLUMNS = (
    *PERSON_COLUMNS,
    Column("is_dual_head", ("是否一肩挑", "一肩挑"), cells.yes_no, 20, choices=YES_NO),
    Column(
        "party_post",
        (
            "党内职务",
            "村党组织职务",
            "支部职务",
            "村党支部职务",
            "党组织职务",
            "党支部职务",
            "职务/党内",
            "职务/党组织",
        ),
        posts(is_party=True),
        100,
        choose=joined_posts,
        words=codes.words_of_posts,
        choices=post_words(codes.SECRETARY, codes.DEPUTY_SECRETARY, codes.BRANCH_MEMBER),
    ),
    Column(
        "admin_post",
        (
            "行政职务",
            "村委会职务",
            "村(居)委会职务",
            "村委职务",
            "职务",
            "现任职务",
            "现职务",
            "职务/行政",
            "职务/村委会",
        ),
        posts(is_party=False),
        100,
        choose=joined_posts,
        words=codes.words_of_posts,
        choices=post_words(
            codes.DIRECTOR, codes.DEPUTY_DIRECTOR, codes.COMMITTEE_MEMBER, codes.SUPERVISION_HEAD, codes.CLERK
        ),
    ),
    Column(
        "extra_posts",
        ("兼任职务(一)", "兼任职务(二)", "兼任职务", "兼任职务一", "兼任职务二", "兼职", "兼任", "分管工作"),
        cells.line,
        100,
        choose=everything,
        words="、".join,
    ),
    Column("is_seconded", ("是否在村挂职人才", "是否挂职"), cells.yes_no, 20, choices=YES_NO),
    Column(
        "is_inspector", ("是否纪检", "是否纪检委员", "是否纪检监察", "是否纪检监督员"), cells.yes_no, 20, choices=YES_NO
    ),
    Column(
        "origin",
        ("干部来源", "人员身份", "来源", "人员来源"),
        origin,
        60,
        words=lambda code: codes.ORIGIN_WORDS.get(code, code or ""),
        choices=tuple(codes.ORIGIN_WORDS.values()),
    ),
    Column(
        "appointment_change",
        ("任职情况", "新任/连任", "新任或连任"),
        from_table(codes.CHANGES),
        20,
        words=lambda code: codes.CHANGE_WORDS.get(code, ""),
        choices=tuple(codes.CHANGE_WORDS.values()),
    ),
    Column(
        "post_since",
        ("任现职时间", "任职时间", "担任现职时间", "现任职务时间", "任现职年月", "任职年月", "任现职务时间"),
        cells.partial_date,
        60,
    ),
    PHONE,
    Column("resume", ("简历", "个人简历", "工作简历"), cells.text, 20_000),
    REMARK,
)
RESERVE_COLUMNS = (
    *PERSON_COLUMNS,
    Column("occupation", ("现职业", "现从事工作", "现职业(现从事工作)", "职业", "从事工作"), cells.line, 60),
    Column("category", ("人员类别", "人员类型", "类别"), cells.line, 60),
    Column("intended_post", ("培养方向", "拟任职务", "培养方向(拟任职务)", "拟培养职务"), cells.line, 60),
    Column("mentor", ("联系人", "帮带导师", "联系人(帮带导师)", "帮带人", "培养联系人", "结对帮带人"), cells.line, 60),
    Column("recommended_by", ("推荐方式",), cells.line, 60),
    Column("entered_on", ("入库时间", "入库年月", "入库日期", "纳入时间"), cells.partial_date, 60),
    PHONE,
    REMARK,
)

"""A place of one's own and places of others, with a row of every kind in each, for the scope contract.

Whatever belongs to others carries a canary in its text: 雀邻 in the village next door,
雀西 in the other township, 雀外 in the other county.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO

import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model

from accounts import audit
from accounts.models import Job, User
from accounts.roles import Role
from assessments.models import (
    Adjustment,
    AdjustmentItem,
    Appeal,
    CadreResult,
    Category,
    CommentMeeting,
    DepartmentScore,
    DisciplineProposal,
    FlagApplication,
    FlagCategory,
    FlagObjection,
    FlagRevocation,
    Indicator,
    PayLine,
    PayRules,
    PaySheet,
    PersonalScore,
    Result,
    Return,
    SatisfactionSurvey,
    Scheme,
    SchemeExample,
    Unlock,
    UpliftRate,
    VillageMonth,
    VillageYear,
    YearAssessment,
    YearItem,
)
from assessments.services.flag_rounds import add_round
from assessments.services.review import open_for_review
from branches.models import (
    Branch,
    Decision,
    Membership,
    OrganisationalLife,
    Unit,
    Village,
    VillageClass,
    WorkdayException,
)
from cadres.models import (
    Attendance,
    Commendation,
    DisciplineAction,
    Person,
    Posting,
    ReserveCadre,
    Residency,
    ResidentLeave,
    SpotCheck,
    Talent,
    Training,
)
from collective_economy.models import Asset, AuditFinding, Milestone, Programme, VillagePlan
from collective_economy.services.attachments import attach
from imports.dates import PartialDate
from imports.models import ExportFile, ImportBatch, ImportRow, SavedColumns
from tests.assessments.flag_ground import make_application, make_award, make_round
from tests.assessments.month_ground import NOW, make_month, make_scheme, publish, submit
from tests.collective_economy import ground as money
from tests.conftest import BEGINNING, grant, make_unit, make_user

OWN, NEXT_DOOR, WEST, ABROAD = "own", "next door", "west", "abroad"
CANARIES = {NEXT_DOOR: "雀邻", WEST: "雀西", ABROAD: "雀外"}

AT_COUNTY = (Role.SA, Role.AU, Role.CS, Role.CL, Role.RI, Role.LD)
AT_TOWNSHIP = (Role.TS, Role.CE)
FOREIGN: dict[Role, tuple[str, ...]] = {
    **dict.fromkeys(AT_COUNTY, (ABROAD,)),
    **dict.fromkeys(AT_TOWNSHIP, (WEST, ABROAD)),
    Role.VC: (NEXT_DOOR, WEST, ABROAD),
}
"""What does not exist for each role."""


@dataclass
class Ground:
    """`pks[kind][place]`: key of the row of that kind in that place; a kind may lack places."""

    users: dict[Role, User] = field(default_factory=dict)
    pks: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))


def build_ground() -> Ground:
    ground = Ground()
    province = make_unit(None, "province", "测试省", "99")
    city = make_unit(province, "city", "测试市", "9901")
    for place, code, name in ((OWN, "990101", "青禾县"), (ABROAD, "990102", "雀外县")):
        _county(ground, place, make_unit(Unit.objects.get(pk=city.pk), "county", name, code))
    for role in Role:
        kind = "county" if role in AT_COUNTY else "township" if role in AT_TOWNSHIP else "village"
        user = make_user(f"本地{role.value}")
        grant(user, role, Unit.objects.get(pk=ground.pks[kind][OWN]))
        ground.users[role] = user
    # Only who uploaded a roster works on it.
    ImportBatch.objects.filter(pk=ground.pks["import"][OWN]).update(uploaded_by=ground.users[Role.TS])
    ExportFile.objects.filter(pk=ground.pks["export"][OWN]).update(requested_by=ground.users[Role.TS])
    SavedColumns.objects.filter(pk=ground.pks["columns"][OWN]).update(user=ground.users[Role.TS])
    return ground


def _word(place: str) -> str:
    return CANARIES.get(place, "本地")


def _county(ground: Ground, place: str, county: Unit) -> None:
    people = [make_user(f"{_word(place)}人{number}") for number in range(3)]
    for person, role in zip(people, (Role.TS, Role.CL), strict=False):
        grant(person, role, county)
    ground.pks["county"][place] = county.pk
    villages = _units(ground, place, county)
    programme = money.make_programme(
        county,
        {"central": 1_000_000},
        name=f"{_word(place)}资金",
        subject="F1",
        entered_by=people[0],
        is_confirmed=False,
    )
    money.confirm_programme(programme, people[1])
    ground.pks["programme"][place] = programme.pk
    for where, village in villages.items():
        _village_rows(ground, where, village)
        _money(ground, where, village, programme)
    scheme = _rules(ground, place, county)
    _flag_draft(ground, place, county, people[0])
    _flags(ground, place, county, people, villages)
    _last_month(ground, place, county, scheme, people, villages)
    _this_month(ground, place, county, scheme, people, villages)
    _year(ground, place, county, people, villages)
    _pay(ground, place, county, people, villages)
    _accounts(ground, place, county, people)
    for where in (OWN, WEST) if place == OWN else (ABROAD,):
        township = Unit.objects.get(pk=ground.pks["township"][where])
        ground.pks["import"][where] = _import(where, township, people[0]).pk
        _export(ground, where, township, people[0])


def _units(ground: Ground, place: str, county: Unit) -> dict[str, Unit]:
    """Villages by their place; the townships are noted on the way."""
    villages = {}
    townships = [(OWN, "东乡"), (WEST, "雀西乡")] if place == OWN else [(ABROAD, "雀外乡")]
    for number, (where, name) in enumerate(townships):
        township = make_unit(Unit.objects.get(pk=county.pk), "township", name, f"{county.code}{number}00")
        ground.pks["township"][where] = township.pk
        below = [(OWN, "东一村"), (NEXT_DOOR, "雀邻村")] if where == OWN else [(where, f"{_word(where)}村")]
        for index, (there, village) in enumerate(below):
            parent = Unit.objects.get(pk=township.pk)
            villages[there] = make_unit(parent, "village", village, f"{township.code}20{index}")
    return villages


def _flag_draft(ground: Ground, place: str, county: Unit, by: User) -> None:
    """A round that is being set up, with the five flags."""
    values = {
        "name": f"{_word(place)}批次",
        "document": f"{_word(place)}发〔2026〕1号",
        "first_on": date(2027, 1, 1),
        "last_on": date(2027, 6, 30),
        "apply_by": date(2027, 6, 30),
        "valid_to": date(2027, 12, 31),
    }
    draft = add_round(county, values, copy_of=None, by=by)
    category = draft.categories.get(code="F1")
    ground.pks["flag draft"][place] = draft.pk
    ground.pks["flag category"][place] = category.pk
    ground.pks["flag criterion"][place] = category.criteria.get(code="F1-1").pk


def _village_rows(ground: Ground, place: str, unit: Unit) -> None:
    word = _word(place)
    branch = Branch.objects.create(unit=unit, name=f"{word}支部", member_count=31)
    life = OrganisationalLife.objects.create(
        branch=branch,
        path=unit.path,
        kind="party_day",
        held_on=date(2026, 10, 10),
        recorded_on=date(2026, 10, 10),
        theme=f"{word}主题",
        place=f"{word}会议室",
    )
    candidate = Person.objects.create(unit=unit, name=f"{word}后备")
    rows = {
        "village": unit,
        "reserve entry": ReserveCadre.objects.create(person=candidate, unit=unit, stage="on_record", mentor=word),
        "card": Village.objects.create(unit=unit, member_count=31),
        "class": VillageClass.objects.create(unit=unit, kind="basic", band="weak", valid_from=BEGINNING),
        "branch": branch,
        "life": life,
        "decision": Decision.objects.create(
            unit=unit, path=unit.path, matter=f"{word}事项", decided_on=date(2026, 10, 10)
        ),
    }
    for name, row in {**rows, **_people(unit, word)}.items():
        ground.pks[name][place] = row.pk


def _money(ground: Ground, place: str, unit: Unit, programme: Programme) -> None:
    """A project under way with its money, a contract with what is due, and what else the collective has."""
    word, by = _word(place), programme.entered_by
    project = money.make_project(
        unit, programme=programme, approved={"central": 100_000}, name=f"{word}项目", stage="pay", entered_by=by
    )
    source = project.sources.get()
    receipt = money.move(source, 50_000, summary=f"{word}拨付", entered_by=by)
    payment = money.enter_payment(source, 10_000, "payment", summary=f"{word}支出", entered_by=by)
    contract = money.make_contract(unit, party=f"{word}承租户", entered_by=by)
    receivable = money.make_receivable(contract)
    entry = money.make_entry(unit, 100, summary=f"{word}租金", day=date(2026, 10, 8), entered_by=by)
    rows: dict[str, Model] = {
        "project": project,
        "payment": receipt,
        "waiting payment": payment,
        "contract": contract,
        "receivable": receivable,
        "ledger": entry,
        "ledger month": money.month_of(unit, date(2026, 10, 1)),
        "milestone": Milestone.objects.create(project=project, name=f"{word}节点", due_on=date(2026, 9, 30)),
        "asset": Asset.objects.create(
            unit=unit,
            path=unit.path,
            project=project,
            number="ZC-1",
            name=f"{word}厂房",
            kind="building",
            value=1000,
            owner="村集体",
            registered_on=date(2026, 10, 1),
            entered_by=by,
        ),
        "paper": attach(
            parent=contract, upload=SimpleUploadedFile(f"{word}合同.pdf", b"%PDF-1.4 %%EOF"), by=by, now=NOW
        ),
        "audit finding": AuditFinding.objects.create(
            unit=unit,
            path=unit.path,
            kind="use",
            found_on=date(2026, 10, 1),
            found_by="审计局",
            problem=f"{word}问题",
            measure="整改",
            due_on=date(2026, 12, 1),
            entered_by=by,
        ),
        "village plan": VillagePlan.objects.create(
            unit=unit,
            path=unit.path,
            first_year=2026,
            last_year=2028,
            business_model="property",
            situation=f"{word}现状",
            measures=f"{word}措施",
            responsible_name="书记",
            entered_by=by,
        ),
    }
    for name, row in rows.items():
        ground.pks[name][place] = row.pk


def _people(unit: Unit, word: str) -> dict[str, Model]:
    """Somebody in post, with a row of everything that is known about people."""
    day = date(2026, 9, 1)
    person = Person.objects.create(unit=unit, name=f"{word}书记", resume=f"{word}简历", birth=PartialDate(1975, 2))
    training = Training.objects.create(unit=unit, title=f"{word}培训", kind="heads", held_on=day, ends_on=day, hours=8)
    attendance = Attendance.objects.create(training=training, person=person, hours=8, note=f"{word}备注")
    stay = Residency.objects.create(
        person=person, unit=unit, role="first_secretary", sent_by=f"{word}局", started_on=day
    )
    ResidentLeave.objects.create(residency=stay, begins_on=day, ends_on=day, reason=f"{word}请假", approved_by="书记")
    SpotCheck.objects.create(residency=stay, checked_on=day, was_present=True, note=f"{word}抽查")
    return {
        "person": person,
        "posting": Posting.objects.create(
            person=person, unit=unit, post=10, started_on=PartialDate(2021, 12), document=f"{word}文号"
        ),
        "training": training,
        "attendance": attendance,
        "residency": stay,
        "commendation": Commendation.objects.create(person=person, title=f"{word}表彰", level="county", awarded_on=day),
        "discipline": DisciplineAction.objects.create(
            person=person,
            kind="suspension",
            decided_on=day,
            effective_to=date(2026, 11, 1),
            reason=f"{word}事由",
        ),
        "talent": Talent.objects.create(person=person, kind="returnee", field=f"{word}电商", consented_on=day),
    }


def _rules(ground: Ground, place: str, county: Unit) -> Scheme:
    """The county's scheme, a draft of the next one, and its calendar."""
    word = _word(place)
    scheme = make_scheme(county)
    draft = Scheme.objects.create(
        unit=county, path=county.path, name=f"{word}新办法", number="2027-1", copied_from=scheme
    )
    category = Category.objects.create(scheme=draft, code="A", name=f"{word}类")
    Indicator.objects.create(
        scheme=draft,
        category=category,
        code="A1",
        name=f"{word}指标",
        weight=100,
        rule_type="ratio",
        source="T",
        has_denominator=True,
        numerator_label="已办",
        denominator_label="应办",
    )
    AdjustmentItem.objects.create(scheme=draft, kind="bonus", code="P1", name=f"{word}加分", levels=[["县级", "0.5"]])
    SchemeExample.objects.create(scheme=draft, title=f"{word}算例")
    day = WorkdayException.objects.create(unit=county, day=date(2026, 10, 1), is_workday=False, label=f"{word}假")
    for kind, row in (("scheme", scheme), ("draft", draft), ("day", day)):
        ground.pks[kind][place] = row.pk
    return scheme


def _flags(ground: Ground, place: str, county: Unit, people: list[User], villages: dict[str, Unit]) -> None:
    """An open round: an application of each village with an objection, and a flag of a round before it, taken away."""
    word = _word(place)
    former = make_round(county, name=f"{word}上半年", codes="F1", state="closed")
    row = make_round(county, name=f"{word}下半年", codes="F1")
    ground.pks["flag round"][place] = row.pk
    ground.pks["open flag category"][place] = FlagCategory.objects.get(round=row).pk
    for where, village in villages.items():
        there = _word(where)
        application = make_application(
            row,
            village,
            "F1",
            state=FlagApplication.State.TOWNSHIP_REVIEWED,
            text=f"{there}事迹",
            township_opinion=there,
        )
        objection = FlagObjection.objects.create(
            application=application,
            path=village.path,
            code="F1",
            raised_on=date(2026, 6, 22),
            text=f"{there}异议",
            entered_by=people[0],
        )
        award = make_award(former, village, "F1", number=f"{there}旗号")
        taken = FlagRevocation.objects.create(
            village=village,
            path=village.path,
            reason="discipline",
            happened_on=date(2026, 9, 12),
            document=f"{there}文号",
            proposed_by=people[0],
        )
        taken.awards.add(award)
        found = {"flag application": application, "flag objection": objection, "flag": award, "flag revocation": taken}
        for kind, one in found.items():
            ground.pks[kind][where] = one.pk


def _last_month(
    ground: Ground, place: str, county: Unit, scheme: Scheme, people: list[User], villages: dict[str, Unit]
) -> None:
    """September: published, with an objection to each village's receipt."""
    period = make_month(county, month=date(2026, 9, 1), scheme=scheme)
    ranking = publish(period, people[0], people[1])
    ground.pks["ranked period"][place] = period.pk
    ground.pks["ranking"][place] = ranking.pk
    for where, village in villages.items():
        result = Result.objects.get(ranking=ranking, village=village)
        appeal = Appeal.objects.create(
            ranking=ranking,
            result=result,
            period=period,
            village=village,
            path=village.path,
            line_code="A5",
            claim=f"{_word(where)}异议",
            opened_by=people[0],
            answer_by=NOW + timedelta(days=5),
        )
        ground.pks["result"][where] = result.pk
        ground.pks["appeal"][where] = appeal.pk


def _this_month(
    ground: Ground, place: str, county: Unit, scheme: Scheme, people: list[User], villages: dict[str, Unit]
) -> None:
    """October: open, one return handed in by each township, a request to unlock it, a bonus for each village."""
    period = make_month(county, scheme=scheme)
    ground.pks["period"][place] = period.pk
    for where in (OWN, WEST, ABROAD):
        submission = Return.objects.filter(period=period, unit_id=ground.pks["township"].get(where)).first()
        if submission is None:
            continue
        handed_in = submit(period, submission.unit, people[0])
        open_for_review(handed_in, by=people[1], now=NOW)
        unlock = Unlock.objects.create(
            submission=submission, path=submission.path, reason=f"{_word(where)}解锁", asked_by=people[0]
        )
        ground.pks["return"][where] = submission.pk
        ground.pks["unlock"][where] = unlock.pk
    for where, village in villages.items():
        row = VillageMonth.objects.get(period=period, village=village)
        row.notes = {"D2.n": f"{_word(where)}说明"}
        row.save()
        adjustment = Adjustment.objects.create(
            period=period,
            village=village,
            path=village.path,
            item_code="P1",
            level="县级",
            document=f"{_word(where)}文号",
            happened_on=date(2026, 10, 5),
            entered_by=people[0],
        )
        ground.pks["village month"][where] = row.pk
        ground.pks["adjustment"][where] = adjustment.pk


def _pay(ground: Ground, place: str, county: Unit, people: list[User], villages: dict[str, Unit]) -> None:
    """Rates and rules that wait, and a draft of each township's sheet with a line for each village's secretary."""
    word, month = _word(place), date(2026, 10, 1)
    terms = {"unit": county, "path": county.path, "valid_from": month, "entered_by": people[0]}
    rate = UpliftRate.objects.create(role_group="secretary", amount=500, document=f"{word}发〔2026〕51号", **terms)
    rules = PayRules.objects.create(document=f"{word}发〔2026〕52号", **terms)
    ground.pks["rate"][place], ground.pks["rules"][place] = rate.pk, rules.pk
    for where, village in villages.items():
        township = Unit.objects.get(path=village.parent_path)
        sheet, _made = PaySheet.objects.get_or_create(
            unit=township, path=township.path, month=month, defaults={"prepared_by": people[0], "prepared_at": NOW}
        )
        if where != NEXT_DOOR:
            ground.pks["pay sheet"][where] = sheet.pk
        line = PayLine.objects.create(
            sheet=sheet,
            number=sheet.lines.count() + 1,
            path=village.path,
            village=village,
            person_id=ground.pks["person"][where],
            posting_id=ground.pks["posting"][where],
            role_group="secretary",
            for_month=month,
            uplift_cents=50_000,
            amount_cents=50_000,
        )
        ground.pks["pay line"][where] = line.pk


def _year(ground: Ground, place: str, county: Unit, people: list[User], villages: dict[str, Unit]) -> None:
    """A published half-year with a result of each village and its secretary, and a whole year that is open."""
    half = YearAssessment.objects.create(
        unit=county, path=county.path, year=2026, span="first_half", document=f"{_word(place)}发〔2026〕31号"
    )
    whole = YearAssessment.objects.create(
        unit=county, path=county.path, year=2026, span="year", document=f"{_word(place)}发〔2026〕66号"
    )
    ground.pks["year"][place] = whole.pk
    for where, village in villages.items():
        _year_of_village(ground, where, village, half, whole)
    half.state, half.checksum = YearAssessment.State.PUBLISHED, "0" * 64
    half.computed_by, half.published_by = people[0], people[1]
    half.save()
    for where in (OWN, WEST) if place == OWN else (ABROAD,):
        township = Unit.objects.get(pk=ground.pks["township"][where])
        meeting = CommentMeeting.objects.create(
            unit=township,
            path=township.path,
            year=2026,
            held_on=date(2026, 10, 20),
            chair=f"{_word(where)}主持",
            entitled=40,
            present=36,
            minutes=f"{_word(where)}记录",
            entered_by=people[0],
        )
        ground.pks["comment meeting"][where] = meeting.pk


def _year_of_village(ground: Ground, place: str, village: Unit, half: YearAssessment, whole: YearAssessment) -> None:
    word = _word(place)
    common = {"village": village, "path": village.path}
    person = Person.objects.get(pk=ground.pks["person"][place])
    DepartmentScore.objects.create(
        assessment=whole, department="县农业农村局", subject="F3", score_hundredths=9000, reason=f"{word}事由", **common
    )
    SatisfactionSurvey.objects.create(assessment=whole, asked=50, satisfied=45, **common)
    PersonalScore.objects.create(assessment=whole, person=person, results_hundredths=9000, note=f"{word}说明", **common)
    result = CadreResult.objects.create(
        assessment=half,
        person=person,
        post=10,
        total_hundredths=9100,
        grade="competent",
        proposed="excellent",
        grade_reason=f"{word}理由",
        **common,
    )
    evidence = [{"result": result.pk, "year": 2026, "span": "first_half", "total": 9100}]
    rows = {
        "village year": VillageYear.objects.create(
            assessment=half, total_hundredths=9100, grade="excellent", county_rank=1, township_rank=1, **common
        ),
        "cadre result": result,
        "proposal": DisciplineProposal.objects.create(
            person=person,
            path=village.path,
            kind="suspension",
            rule="grade",
            evidence=evidence,
            key="grade:2026:first_half",
            proposed_at=NOW,
        ),
        "year item": YearItem.objects.create(
            assessment=whole, kind="problem", text=f"{word}问题", measure=f"{word}措施", **common
        ),
    }
    for name, row in rows.items():
        ground.pks[name][place] = row.pk


def _accounts(ground: Ground, place: str, county: Unit, people: list[User]) -> None:
    """A role that waits to be confirmed, and a job that somebody asked for."""
    township = Unit.objects.under(county.path).townships().last()
    member = Membership.objects.create(user=people[2], role=Role.TS, unit=township, valid_from=BEGINNING)
    job = Job.objects.create(
        kind="assessments.close_periods",
        key=f"{_word(place)}任务",
        message=f"{_word(place)}进度",
        unit_path=county.path,
        requested_by=people[0],
        state=Job.State.SUCCEEDED,
    )
    event = audit.record("branches.change_unit", actor=people[0], target=county, reason=f"{_word(place)}事由")
    for kind, row in (("membership", member), ("user", people[2]), ("job", job), ("event", event)):
        ground.pks[kind][place] = row.pk


def _import(place: str, township: Unit, by: User) -> ImportBatch:
    """A roster of a township that was checked and waits for who uploaded it."""
    word = _word(place)
    headings = {"村": "village", "姓名": "name", "职务": "admin_post"}
    cells = {"village": f"{word}村", "name": f"{word}人", "admin_post": "委员"}
    counts = {"rows": 1, "new": 1, "changed": 0, "unchanged": 0, "faulty": 0, "missing": 0}
    table = {"worksheet": "名册", "header_rows": [1], "mapped": headings, "ignored": [], "skipped": []}
    batch = ImportBatch(
        sheet="cadres",
        file_name=f"{word}花名册.xlsx",
        file_size=1,
        path=township.path,
        state=ImportBatch.State.CHECKED,
        answer={**counts, "tables": [table], "labels": {}},
        uploaded_by=by,
    )
    content = BytesIO()
    with xlsxwriter.Workbook(content) as workbook:
        sheet = workbook.add_worksheet("名册")
        for column, (heading, name) in enumerate(headings.items()):
            sheet.write_string(0, column, heading)
            sheet.write_string(1, column, cells[name])
    batch.keep_file(content.getvalue())
    batch.save()
    ImportRow.objects.create(batch=batch, position=0, worksheet="名册", number=2, outcome="new", cells=cells)
    return batch


def _export(ground: Ground, place: str, township: Unit, by: User) -> None:
    """A file of a township's cadres with identity numbers that waits for a county leader, and kept columns."""
    export = ExportFile(
        listing="cadres",
        filters={"q": f"{_word(place)}人"},
        columns=["village", "name", "id_number"],
        purpose="roster",
        note=f"{_word(place)}核对",
        has_numbers=True,
        people_count=51,
        path=township.path,
        paths=[township.path],
        state=ExportFile.State.WAITING,
        requested_by=by,
    )
    export.keep_file(_word(place).encode())
    export.save()
    ground.pks["export"][place] = export.pk
    kept = SavedColumns.objects.create(user=by, listing="units", name=f"{_word(place)}列", columns=["village"])
    ground.pks["columns"][place] = kept.pk

"""Papers as files: what is taken, how it is kept, who may see it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from accounts.encryption import SealedValueDamaged
from accounts.models import AuditEvent, User
from accounts.roles import Role
from branches.models import Unit
from collective_economy.models import Attachment, AuditFinding
from collective_economy.services.attachments import (
    MOST_BYTES,
    attach,
    clean_name,
    download,
    papers_for,
    papers_of,
    parent_of,
)
from tests.collective_economy.ground import (
    clerk,
    enter_payment,
    make_contract,
    make_entry,
    make_project,
    village,
)
from tests.collective_economy.test_contracts import codes_of
from tests.collective_economy.test_findings import record
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 30 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 30 + b"\xff\xd9"


def file_of(name: str = "合同.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def put(parent: Any, name: str = "合同.pdf", content: bytes = PDF) -> Attachment:
    return attach(parent=parent, upload=file_of(name, content), by=clerk(), now=timezone.now())


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("合同.pdf", PDF, "pdf"), ("票.PNG", PNG, "png"), ("照片.jpg", JPG, "jpg"), ("照片.JPEG", JPG, "jpg")],
)
def test_a_paper_is_kept_sealed(county: Unit, name: str, content: bytes, kind: str) -> None:
    contract = make_contract()
    paper = put(contract, name, content)
    stored = Attachment.objects.get()
    assert (stored.contract, stored.project, stored.content_type, stored.size) == (contract, None, kind, len(content))
    assert stored.path == village().path
    assert content not in bytes(stored.sealed_file)
    assert content[-12:] not in bytes(stored.sealed_file)
    assert download(stored, by=clerk()) == content
    events = AuditEvent.objects.order_by("pk").values_list("event", "target_id")
    assert list(events) == [
        ("collective_economy.add_attachment", str(paper.pk)), ("collective_economy.download_attachment", str(paper.pk)),
    ]  # fmt: skip
    assert stored.checksum == AuditEvent.objects.first().changes["sha256"]


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("合同.pdf", b"", "empty_file"),
        ("合同.pdf", PDF + b"x" * MOST_BYTES, "too_large"),
        ("合同.pdf", b"<html><script>", "wrong_type"),
        ("合同.exe", b"MZ" + b"\x00" * 90, "wrong_type"),
        ("合同.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "wrong_type"),
        ("合同.docx", b"PK\x03\x04" + b"\x00" * 90, "wrong_type"),
        ("合同.png", PDF, "wrong_name"),
        ("合同.pdf.html", PDF, "wrong_name"),
        ("合同", PDF, "wrong_name"),
        ("合同.pdf", PDF[:20], "damaged"),
        ("票.png", PNG[:30], "damaged"),
        ("照片.jpg", JPG[:20], "damaged"),
    ],
)
def test_what_is_not_taken(county: Unit, name: str, content: bytes, wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        put(make_contract(), name, content)
    assert codes_of(refused.value) == {"file": [wrong]}
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1])
def test_the_limit_is_five_megabytes(county: Unit, size: int) -> None:
    content = PDF[:20] + b" " * (size - 26) + b"%%EOF\n"
    assert len(content) == size
    if size > MOST_BYTES:
        with pytest.raises(ValidationError):
            put(make_contract(), content=content)
    else:
        assert put(make_contract(), content=content).size == size


def test_the_same_file_is_attached_once_to_one_row(county: Unit) -> None:
    contract = make_contract()
    put(contract)
    put(make_contract())
    with pytest.raises(ValidationError) as refused:
        put(contract, "另一个名字.pdf")
    assert codes_of(refused.value) == {"": ["attached_already"]}


def test_a_file_moved_to_another_row_does_not_open(county: Unit) -> None:
    paper, other = put(make_contract()), put(make_contract(), "票.png", PNG)
    Attachment.objects.filter(pk=other.pk).update(sealed_file=paper.sealed_file)
    with pytest.raises(SealedValueDamaged):
        download(Attachment.objects.get(pk=other.pk), by=clerk())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("合同.pdf", "合同.pdf"),
        ("../../etc/合同.PDF", "合同.pdf"),
        ("C:\\照片\\合同.pdf", "合同.pdf"),
        ('合"同\r\n<b>\u202e\u200b.pdf', "合 同 b.pdf"),
        (".pdf", "pdf.pdf"),
        ("合" * 300 + ".pdf", "合" * 116 + ".pdf"),
    ],
)
def test_the_name_that_is_shown(name: str, shown: str) -> None:
    assert clean_name(name, "pdf") == shown


def test_a_file_goes_over_to_a_new_key(county: Unit, settings: Any) -> None:
    settings.FIELD_KEY = "old-field-key"
    paper = put(make_contract())
    settings.FIELD_KEY = "new-field-key,old-field-key"
    output = StringIO()
    call_command("rotate_field_key", stdout=output)
    assert "collective_economy.attachment.sealed_file: 1 sealed, 1 renewed, 0 damaged" in output.getvalue()
    settings.FIELD_KEY = "new-field-key"
    assert download(Attachment.objects.get(pk=paper.pk), by=clerk()) == PDF


def test_papers_of_all_kinds_of_rows(county: Unit) -> None:
    project = make_project(approved={"county": 1000})
    payment, entry, finding = enter_payment(project.sources.get(), 10), make_entry(), record()
    user = make_user("clerk2", Role.CE, county)
    for parent in (project, payment, entry, make_contract(), finding):
        paper = put(parent)
        assert parent_of(Attachment.objects.get(pk=paper.pk)) == parent
        assert [one.pk for one in papers_of(parent, user)] == [paper.pk]
    assert Attachment.objects.get(payment=payment).project == project


def test_who_sees_a_paper(county: Unit, east: Unit, west: Unit, east_editor: User, west_editor: User) -> None:
    """By the place of what it belongs to; a joint project's by each part, but no papers of another village."""
    joint = make_project(village("东一村"), village("西一村"))
    of_joint = put(joint)
    of_finding: Attachment = put(record(project=joint))
    of_east = put(make_project())
    of_west_contract = put(make_contract(village("西一村"), project=joint))
    lead = make_user(
        "department",
        Role.LD,
        county,
    )
    county_clerk, village_cadre = make_user("ce", Role.CE, county), make_user("vc", Role.VC, village())

    def seen(user: User) -> set[int]:
        return set(papers_for(user).values_list("pk", flat=True))

    assert seen(east_editor) == {of_joint.pk, of_finding.pk, of_east.pk}
    assert seen(west_editor) == {of_joint.pk, of_west_contract.pk}
    assert seen(county_clerk) == {of_joint.pk, of_finding.pk, of_east.pk, of_west_contract.pk}
    assert seen(lead) == seen(village_cadre) == set()
    assert AuditFinding.objects.count() == 1


def test_the_list_is_one_query_and_leaves_the_files_alone(county: Unit, django_assert_num_queries: Any) -> None:
    user, contract = make_user("ce", Role.CE, county), make_contract()
    put(contract)
    list(papers_of(contract, user))
    with django_assert_num_queries(1) as first:
        [paper.uploaded_by.name for paper in papers_of(contract, user)]
    put(contract, "票.png", PNG)
    put(contract, "照片.jpg", JPG)
    with django_assert_num_queries(1):
        assert [paper.name for paper in papers_of(contract, user)] == ["合同.pdf", "票.png", "照片.jpg"]
    assert "sealed_file" not in first.captured_queries[0]["sql"]

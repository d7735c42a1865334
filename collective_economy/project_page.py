"""What the page of a project tells beside its money: the gate, the one next step, who may do what, its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from branches.history import Happening, happenings
from branches.versions import events_of
from collective_economy import stages
from collective_economy.amounts import wan_text
from collective_economy.models import FundSource, Payment, Project, Stage
from collective_economy.services.projects import makers_of

if TYPE_CHECKING:
    from accounts.models import User

HISTORY = 30


@dataclass(frozen=True)
class Rights:
    """What the reader may do with this project. Rights hold at the place of the project."""

    may_change: bool
    may_sign: bool
    may_approve: bool
    is_maker: bool
    """Who proposed it or handed its plan in does not approve it."""
    may_pay: bool


def rights_of(project: Project, user: User) -> Rights:
    return Rights(
        may_change=user.has_perm("collective_economy.change_project", project),
        may_sign=user.has_perm("collective_economy.sign_project", project),
        may_approve=user.has_perm("collective_economy.approve_project", project),
        is_maker=user.pk in makers_of(project),
        may_pay=user.has_perm("collective_economy.add_payment") and user.has_perm(
            "collective_economy.change_project", project
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class NextStep:
    """What is to be done now. `url` leads there, by POST where `posts`; without one somebody else acts."""

    label: str
    hint: str = ""
    url: str = ""
    posts: bool = False
    icon: str = "arrow-right"


def url_if(name: str, project: Project, *, is_query: bool = False) -> str:
    """The address of a page of another part of the portal; empty where there is none."""
    try:
        if is_query:
            return f"{reverse(f'collective_economy:{name}')}?project={project.pk}"
        return reverse(f"collective_economy:{name}", args=[project.pk])
    except NoReverseMatch:
        return ""


def next_step(project: Project, missing: Iterable[str], rights: Rights) -> NextStep | None:
    """The one next step for this reader by what the gate misses first; None for a project that is finished."""
    if project.stage in stages.FINISHED:
        return None
    wanted = list(missing)
    if not wanted:
        if rights.may_change:
            following = Stage(stages.next_of(project.stage) or Stage.DONE).label
            label = _("Move on to: %(stage)s") % {"stage": following}
            return NextStep(label, url=url_if("project_move", project), posts=True)
        return NextStep(_("Ready for the next stage; the economy officer moves it on."))
    first = wanted[0]
    if first == "signed":
        if rights.may_sign:
            return NextStep(_("Check and sign"), _("The township signs once, for this plan."),
                            url_if("project_sign", project), posts=True, icon="clipboard-check")  # fmt: skip
        return NextStep(_("Waits for the township's signature."))
    if first == "approved":
        return _approval(project, rights)
    if first == "panel":
        if rights.may_approve:
            return NextStep(_("Enter an opinion of the panel"), url=url_if("project_opinion", project), icon="users")
        return NextStep(_("Waits for the county's panel."))
    return _entry(project, first, rights)


def _approval(project: Project, rights: Rights) -> NextStep:
    if rights.may_approve and not rights.is_maker:
        return NextStep(pgettext("project", "Approve"), url=url_if("project_approve", project), icon="checks")
    if rights.may_approve:
        return NextStep(_("You proposed this project or handed its plan in, so somebody else approves it."))
    return NextStep(_("Waits for the county's approval."))


ENTRIES: dict[str, tuple[Any, str, bool]] = {
    "decided": (gettext_lazy("Name the village decision"), "project_edit", False),
    "money": (gettext_lazy("Enter the money asked for"), "project_money", False),
    "shares": (gettext_lazy("Set the shares of the villages"), "project_shares", False),
    "plan": (gettext_lazy("Enter the plan"), "project_edit", False),
    "risk": (gettext_lazy("Enter risk and sharing"), "project_edit", False),
    "procurement": (gettext_lazy("Enter the procurement"), "project_progress", False),
    "contract": (gettext_lazy("Enter the contract"), "contract_add", True),
    "started": (gettext_lazy("Enter the start of the work"), "project_progress", False),
    "received": (gettext_lazy("Enter money handed out"), "payment_add", False),
    "built": (gettext_lazy("Update the progress"), "project_progress", False),
    "milestones": (gettext_lazy("Finish the milestones"), "project_milestones", False),
    "accepted": (gettext_lazy("Enter the acceptance"), "project_accept", False),
    "cost": (gettext_lazy("Enter the actual cost"), "project_accept", False),
    "clear": (gettext_lazy("Close the problems of the acceptance"), "project_accept", False),
    "asset": (gettext_lazy("Enter the asset card"), "asset_add", True),
    "earns": (gettext_lazy("Enter the contract of use"), "contract_add", True),
    "evaluated": (gettext_lazy("Enter the evaluation"), "project_evaluate", False),
    "audited": (gettext_lazy("Enter the audit"), "project_audit", False),
    "findings": (gettext_lazy("Close the audit findings"), "finding_list", True),
}
"""What a gate misses -> what to do about it, the page for it, and whether the page takes the project as `?project=`."""


def _entry(project: Project, code: str, rights: Rights) -> NextStep:
    label, page, is_query = ENTRIES[code]
    if not rights.may_change:
        return NextStep(_("Waits for the economy officer."), str(label))
    return NextStep(str(label), url=url_if(page, project, is_query=is_query), icon="edit")


# --- History ----------------------------------------------------------------------------------

LABELS: dict[str, str | Promise] = {
    "requested": gettext_lazy("asked for"),
    "approved": gettext_lazy("approved"),
    "budget": gettext_lazy("budget items"),
    "shares": gettext_lazy("shares of the villages"),
    "milestone": gettext_lazy("milestone"),
    "signed": gettext_lazy("signed"),
    "document": gettext_lazy("document number"),
    "what": gettext_lazy("what changes"),
    "percent": gettext_lazy("extent (%)"),
    "amounts": gettext_lazy("amounts by source"),
    "confirmed": gettext_lazy("confirmed"),
}
"""What an event tells beside the fields of the row."""


def history_of(row: Any) -> list[Happening]:
    """What happened to the project or programme, in words, newest first. The caller may see the row."""
    told = happenings(type(row), events_of(row)[:HISTORY])
    return [replace(each, changes=[_worded(change) for change in each.changes]) for each in told]


def _worded(change: Any) -> Any:
    name = change.label.lower()
    is_money = name != "shares"
    return replace(
        change,
        label=str(LABELS.get(name, change.label)),
        before=_words(change.before, is_money),
        after=_words(change.after, is_money),
    )


def _words(value: Any, is_money: bool) -> Any:
    """Amounts by source or item in 万元, shares in percent."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if not isinstance(value, Mapping):
        return value
    names = dict(FundSource.choices)
    if is_money:
        parts = [f"{names.get(name, name)} {wan_text(Decimal(amount))}" for name, amount in value.items()]
        return _("%(amounts)s (10 000 yuan)") % {"amounts": ", ".join(parts)} if parts else "—"
    return ", ".join(f"{name} {Decimal(amount).normalize():f} %" for name, amount in value.items()) or "—"


def waiting_count(project: Project) -> int:
    """Movements that wait for confirmation."""
    return project.payments.filter(state=Payment.State.ENTERED).count()

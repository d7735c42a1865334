"""Names of events as people read them: `assessments.publish_ranking` is "publish: ranking".

An event is named `<app>.<verb>_<object>`. The object is a model of the app, or one of NOUNS. A test
finds every event that the code records and has no words here.
"""

from __future__ import annotations

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

VERBS: dict[str, Promise] = {
    "accept": pgettext_lazy("audit", "accept"),
    "add": pgettext_lazy("audit", "add"),
    "announce": pgettext_lazy("audit", "put into public notice"),
    "apply": pgettext_lazy("audit", "apply"),
    "approve": pgettext_lazy("audit", "approve"),
    "ask": pgettext_lazy("audit", "ask for"),
    "assess": pgettext_lazy("audit", "assess"),
    "award": pgettext_lazy("audit", "award"),
    "cancel": pgettext_lazy("audit", "cancel"),
    "change": pgettext_lazy("audit", "change"),
    "check": pgettext_lazy("audit", "check"),
    "classify": pgettext_lazy("audit", "set the class"),
    "close": pgettext_lazy("audit", "close"),
    "compute": pgettext_lazy("audit", "compute"),
    "confirm": pgettext_lazy("audit", "confirm"),
    "copy": pgettext_lazy("audit", "copy"),
    "correct": pgettext_lazy("audit", "correct"),
    "create": pgettext_lazy("audit", "add"),
    "decide": pgettext_lazy("audit", "decide"),
    "decline": pgettext_lazy("audit", "decline"),
    "delete": pgettext_lazy("audit", "remove"),
    "disable": pgettext_lazy("audit", "disable"),
    "discard": pgettext_lazy("audit", "discard"),
    "dispose": pgettext_lazy("audit", "dispose of"),
    "download": pgettext_lazy("audit", "download"),
    "enable": pgettext_lazy("audit", "enable"),
    "end": pgettext_lazy("audit", "end"),
    "enter": pgettext_lazy("audit", "enter"),
    "expire": pgettext_lazy("audit", "expire"),
    "export": pgettext_lazy("audit", "export"),
    "finish": pgettext_lazy("audit", "finish"),
    "hold": pgettext_lazy("audit", "hold back"),
    "import": pgettext_lazy("audit", "import"),
    "lift": pgettext_lazy("audit", "lift"),
    "load": pgettext_lazy("audit", "load"),
    "lock": pgettext_lazy("audit", "lock"),
    "merge": pgettext_lazy("audit", "merge"),
    "nominate": pgettext_lazy("audit", "nominate"),
    "open": pgettext_lazy("audit", "open"),
    "plan": pgettext_lazy("audit", "plan"),
    "prepare": pgettext_lazy("audit", "prepare"),
    "promote": pgettext_lazy("audit", "promote"),
    "propose": pgettext_lazy("audit", "propose"),
    "publish": pgettext_lazy("audit", "publish"),
    "recall": pgettext_lazy("audit", "recall"),
    "recheck": pgettext_lazy("audit", "recheck"),
    "record": pgettext_lazy("audit", "put on record"),
    "refuse": pgettext_lazy("audit", "refuse"),
    "relock": pgettext_lazy("audit", "lock again"),
    "remind": pgettext_lazy("audit", "remind"),
    "remove": pgettext_lazy("audit", "take off"),
    "rename": pgettext_lazy("audit", "rename"),
    "reopen": pgettext_lazy("audit", "open again"),
    "report": pgettext_lazy("audit", "report the payment of"),
    "reset": pgettext_lazy("audit", "reset"),
    "restore": pgettext_lazy("audit", "put back"),
    "resume": pgettext_lazy("audit", "take up again"),
    "return": pgettext_lazy("audit", "return"),
    "reverse": pgettext_lazy("audit", "reverse"),
    "review": pgettext_lazy("audit", "review"),
    "revise": pgettext_lazy("audit", "revise"),
    "save": pgettext_lazy("audit", "save"),
    "settle": pgettext_lazy("audit", "settle"),
    "sign": pgettext_lazy("audit", "sign"),
    "submit": pgettext_lazy("audit", "submit"),
    "train": pgettext_lazy("audit", "begin the training of"),
    "undo": pgettext_lazy("audit", "undo"),
    "unlock": pgettext_lazy("audit", "unlock"),
    "void": pgettext_lazy("audit", "make void"),
    "waive": pgettext_lazy("audit", "waive"),
    "withdraw": pgettext_lazy("audit", "withdraw"),
}

NOUNS: dict[str, Promise] = {
    "access": pgettext_lazy("audit", "access"),
    "code": pgettext_lazy("audit", "code of the app"),
    "cells": pgettext_lazy("audit", "values"),
    "deadlines": pgettext_lazy("audit", "deadlines"),
    "divisions": pgettext_lazy("audit", "list of divisions"),
    "draft": pgettext_lazy("audit", "draft ranking"),
    "password": pgettext_lazy("audit", "password"),
    "review": pgettext_lazy("audit", "review"),
    "session": pgettext_lazy("audit", "session"),
    "trail": pgettext_lazy("audit", "audit trail"),
    "values": pgettext_lazy("audit", "values"),
}

PROBLEMS: dict[str, Promise] = {
    "altered": pgettext_lazy("audit", "contents changed after they were written"),
    "removed": pgettext_lazy("audit", "a sealed event is gone"),
    "inserted": pgettext_lazy("audit", "a row that the portal did not write"),
    "swapped": pgettext_lazy("audit", "stands in the place of another event"),
    "unsealed": pgettext_lazy("audit", "written by the portal and left out of the chain"),
    "link": pgettext_lazy("audit", "a link of the chain was changed, removed or made by hand"),
    "cut": pgettext_lazy("audit", "the end of the trail is missing"),
    "restored": pgettext_lazy("audit", "the database is older than the head file"),
    "open": pgettext_lazy("audit", "the table can be changed: a trigger is missing"),
}

WHOLE: dict[str, Promise] = {
    "collective_economy.move_project": pgettext_lazy("audit", "move a project to another stage"),
    "collective_economy.approve_project": pgettext_lazy("audit", "approve a project"),
    "collective_economy.change_approved_project": pgettext_lazy("audit", "change what was approved of a project"),
    "assessments.apply_flagapplication": pgettext_lazy("audit", "apply for a flag"),
    "assessments.review_flagapplication": pgettext_lazy("audit", "first review of an application for a flag"),
    "assessments.assess_flagapplication": pgettext_lazy("audit", "enter the panel's scores"),
    "assessments.decide_flagapplication": pgettext_lazy("audit", "decide on an application for a flag"),
    "assessments.open_flagobjection": pgettext_lazy("audit", "enter an objection to a flag"),
    "cadres.compare_person": pgettext_lazy("audit", "compare an identity number"),
    "cadres.elect_unit": pgettext_lazy("audit", "record an election"),
    "cadres.find_person": pgettext_lazy("audit", "look for an identity number"),
    "cadres.print_person": pgettext_lazy("audit", "print the file of a cadre"),
    "cadres.reveal_person": pgettext_lazy("audit", "look at an identity number"),
    "accounts.login": pgettext_lazy("audit", "log in"),
    "accounts.logout": pgettext_lazy("audit", "log out"),
    "accounts.set_up_code": pgettext_lazy("audit", "set up the code app"),
    "accounts.take_off_code": pgettext_lazy("audit", "take off the code app"),
    "accounts.rotate_field_key": pgettext_lazy("audit", "seal stored values with the new key"),
    "audit.accept_state": pgettext_lazy("audit", "accept the present state of the trail"),
    "audit.chain_misfit": pgettext_lazy("audit", "the trail does not fit its head"),
    "audit.verify": pgettext_lazy("audit", "verify the trail"),
    "job.cancelled": pgettext_lazy("audit", "cancel: job"),
}


def words_for(event: str) -> str:
    """The event in words; its name as it stands when there are none."""
    if event in WHOLE:
        return str(WHOLE[event])
    app, _point, act = event.partition(".")
    verb, _line, noun = act.partition("_")
    told = _noun(app, noun)
    if verb not in VERBS or told is None:
        return event
    return _("%(verb)s: %(object)s") % {"verb": VERBS[verb], "object": told}


def words_for_model(label: str) -> str:
    """The model of `app.model` as people call it; the label as it stands if there is none."""
    app, _point, model = label.partition(".")
    return _noun(app, model) or label


def _noun(app: str, noun: str) -> str | None:
    if noun in NOUNS:
        return str(NOUNS[noun])
    if not noun:
        return None
    try:
        return str(apps.get_model(app, noun)._meta.verbose_name)
    except LookupError:
        return None

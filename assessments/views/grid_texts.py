"""Every sentence the grid's script may show, in the language of the request."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def texts() -> dict[str, Any]:
    """By name; `%(name)s` is filled in by the script."""
    return {**_bar(), **_saving(), **_cell(), **_steps()}


def _bar() -> dict[str, Any]:
    return {
        "filled": _("Filled in %(done)s / %(total)s"),
        "errors": _("Errors: %(count)s"),
        "returnedCells": _("Returned: %(count)s"),
        "reasons": _("To explain: %(count)s, written: %(written)s"),
        "lacksCells": _("empty cells: %(count)s"),
        "lacksErrors": _("errors: %(count)s"),
        "lacksAnswers": _("returned cells not answered: %(count)s"),
        "lacksReasons": _("reasons: %(count)s"),
        "cannotSubmit": _("Still missing: %(what)s. After that you can hand in."),
        "comma": pgettext("between parts of a list", ", "),
        "rowErrors": _("%(count)s wrong"),
        "rowReturned": _("%(count)s returned"),
        "rowReasons": _("%(count)s to explain"),
        "rowMissing": _("%(count)s missing"),
        "saveFirst": _("Not everything is saved yet. Hand in once it is."),
        "noAnswer": _("The server did not answer. Please try again."),
        "changedVillages": _("villages changed: %(count)s"),
        "takenUp": _("Taken up again: %(count)s cells that had not been saved."),
    }


def _saving() -> dict[str, Any]:
    return {
        "waiting": _("Not saved yet"),
        "saving": _("Saving"),
        "saved": _("Saved by itself at %(at)s"),
        "savedBut": _("Saved at %(at)s; not saved: %(count)s"),
        "failed": _("Not saved"),
        "notSaved": _("Not saved"),
        "noDraft": _("This browser keeps no copy; do not close the page before it is saved."),
        "failedAlert": _(
            "The server does not answer. What you typed is kept on this computer and sent again by itself."
        ),
        "offlineAlert": _("The network is away. What you typed is kept on this computer and saved when it is back."),
        "outAlert": _("You have been logged out. What you typed is kept; log in again to save it."),
    }


def _cell() -> dict[str, Any]:
    return {
        "exempt": _("exempt"),
        "notApplicable": _("not applicable"),
        "empty": pgettext("a cell", "empty"),
        "inUnit": _(" (%(unit)s)"),
        "exemptBecause": _("Exempt: %(reason)s"),
        "remark": _("Reviewer: %(text)s"),
        "wholeMissing": _("The records do not know “%(label)s”. Type both numbers, such as 33/35."),
        "noteLabel": _("Reason (the reviewer reads it)"),
        "noteIs": _("Reason: %(text)s"),
        "noteMoved": _(
            "Meanwhile another reason was written here: %(note)s. Press Enter below if yours is to replace it."
        ),
        "phrases": [
            _("Handled together this month"),
            _("Last month's figure was wrong"),
            _("People or projects changed"),
        ],
        "somebody": _("Somebody else"),
        "clash": _("%(who)s wrote %(theirs)s here at %(at)s; you typed %(mine)s."),
        "takeTheirs": _("Take %(theirs)s"),
        "keepMine": _("Keep my %(mine)s"),
        "menuLast": _("Same as last month"),
        "menuNote": _("Write a reason"),
        "menuExempt": _("Exempt this village, with a reason"),
        "menuNotApplicable": _("Not applicable here"),
        "menuWhole": _("Correct “%(label)s”"),
        "menuClear": _("Empty the cell"),
        "exemptQuestion": _("Why need this village not report it this month?"),
        "exemptLabel": _("Reason of the exemption"),
    }


def _steps() -> dict[str, Any]:
    return {
        "pasted": _("Pasted %(rows)s rows × %(columns)s columns, %(count)s cells"),
        "skipped": _("skipped: %(count)s"),
        "unknownNames": _("no such village: %(names)s"),
        "cleared": _("Emptied %(count)s cells"),
        "copiedLast": _("Copied from last month: %(count)s cells"),
        "noLast": _("There is no value of last month here."),
        "filledDown": _("Filled down: %(count)s cells"),
        "undone": _("Undone: %(count)s cells"),
        "redone": _("Done again: %(count)s cells"),
        "markedExempt": _("Marked as exempt"),
        "markedNotApplicable": _("Marked as not applicable"),
    }

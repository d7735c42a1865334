"""Codes of what is wrong with a row, their level, and the sentence for each (docs/import.md)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from imports import limits

ERRORS: dict[str, str | Promise] = {
    "required_missing": gettext_lazy("This cell must be filled in."),
    "unit_unknown": gettext_lazy("There is no place of this name in your area."),
    "unit_ambiguous": gettext_lazy("Several places have this name; write the township, or the full name."),
    "unit_out_of_scope": gettext_lazy("This township is not in your area."),
    "id_format": gettext_lazy("This is not an identity number: 18 characters with a date that exists."),
    "id_checksum": gettext_lazy("The last character of the identity number does not fit the others; check each digit."),
    "id_precision_lost": gettext_lazy(
        "The spreadsheet program kept this identity number as a number and lost its last digits; "
        "set the column to text and type it again."
    ),
    "date_unreadable": gettext_lazy("This is not a date; write it as 1975.03 or 1975.03.12."),
    "date_ambiguous": gettext_lazy("January or October? Set the cell to text and write 1975.01 or 1975.10."),
    "number_unreadable": gettext_lazy("This is not a number."),
    "choice_unknown": gettext_lazy("This word is not one of those that can stand here."),
    "cell_error": gettext_lazy("The cell holds an error or a formula without a value; type the value itself."),
    "value_too_long": gettext_lazy("This text is too long for this column."),
    "control_character": gettext_lazy("The cell holds a character that cannot be seen; type the text again."),
    "number_out_of_range": gettext_lazy("The number is negative, too large, or has too many decimals."),
    "duplicate_in_file": gettext_lazy("The same stands in the file more than once, in rows %(suggestion)s."),
    "amount_total_mismatch": gettext_lazy("The total is not the sum of the amounts."),
    "operating_mismatch": gettext_lazy(
        "The operating income is not the sum of its parts; subsidies and other income do not belong to it."
    ),
    "result_mismatch": gettext_lazy("The result is not the income less the expenses."),
    "month_closed": gettext_lazy(
        "This month of the village's ledger is closed. Reverse the entry in an open month instead."
    ),
    "entered_singly": gettext_lazy(
        "This category of the month has entries made one by one, so a total would count them twice."
    ),
}
WARNINGS: dict[str, str | Promise] = {
    "id_old_15": gettext_lazy("An old identity number of 15 digits; confirm its form of 18."),
    "id_birth_mismatch": gettext_lazy("The date of birth is not that of the identity number."),
    "id_gender_mismatch": gettext_lazy("The sex is not that of the identity number."),
    "filled_down": gettext_lazy("The cell is empty; the value above was taken."),
    "date_two_digit_year": gettext_lazy("The year has two digits; check which century is meant."),
    "phone_format": gettext_lazy("This does not look like a phone number."),
    "joined_before_18": gettext_lazy("Joined the Party before the age of 18."),
    "unit_new": gettext_lazy(
        "This village is not in the portal yet; the import makes it, from the first of this month."
    ),
    "unit_suggested": gettext_lazy("A place with a similar name, or in another township: %(suggestion)s"),
    "person_elsewhere": gettext_lazy("This person is in post in another village."),
    "money_unit_assumed": gettext_lazy("The table does not say its unit of money; yuan was taken."),
    "post_duplicate_holder": gettext_lazy("Two people hold this post in one village."),
    "township_assumed": gettext_lazy("No township is given; the only village of this name was taken."),
    "choice_other": gettext_lazy("Not in the list; kept as “other” with these words."),
    "contract_moved": gettext_lazy(
        "Since 2024 this category no longer exists: the amount was added to operating income. "
        "Profit handed over by firms belongs to investment income; correct the cells then."
    ),
    "amount_jump": gettext_lazy("A hundred times last year's amount, or a hundredth; check the unit of money."),
    "full_member_too_soon": gettext_lazy("Full member less than a year after joining."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Names a cell, never the value in it: an identity number must not get into a message."""

    worksheet: str
    row: int
    column: str
    code: str
    suggestion: str = ""

    @property
    def is_error(self) -> bool:
        return self.code in ERRORS

    def as_json(self) -> dict[str, str | int]:
        sentence = ERRORS.get(self.code) or WARNINGS[self.code]
        return {
            "worksheet": self.worksheet,
            "row": self.row,
            "column": self.column,
            "code": self.code,
            "level": "error" if self.is_error else "warning",
            "message": str(sentence) % {"suggestion": self.suggestion},
        }


def sentence_of_refusal(code: str, found: str) -> str:
    """Why the file was not read and what to do, for a code and what the guard found."""
    if code == "file_type" and found in _what_it_is():
        return _("The file is not a roster that can be read: it is %(what)s. Save it as .xlsx and upload that.") % {
            "what": _what_it_is()[found]
        }
    sentences = {
        "file_type": _("Only .xlsx, .xls, .ods and .csv are read. Save the table as .xlsx and upload that."),
        "file_password": _("The file has a password. Take it off in the spreadsheet program and save the file again."),
        "file_macro": _("The file holds macros. Save it as .xlsx without macros and upload that."),
        "file_too_large": _(
            "The file is too large: at most 20 MB, %(rows)s rows and %(columns)s columns. Delete what lies far outside "
            "the table, or split the file."
        )
        % {"rows": limits.ROWS, "columns": limits.COLUMNS},
        "file_damaged": _("The file is damaged. Open it in the spreadsheet program, save it anew and upload that."),
        "header_not_found": _("No row with headings was found in the first 15 rows of any worksheet."),
        "no_rows": _("There are headings but no rows below them."),
    }
    return sentences[code]


def _what_it_is() -> dict[str, str]:
    return {
        "pdf": _("a PDF document"),
        "picture": _("a picture"),
        "archive": _("a packed archive"),
        "program": _("a program"),
        "text_document": _("a text document or slides"),
        "web_page": _("a web page"),
        "xml": _("an XML file"),
        "xlsb": _("a binary workbook (.xlsb)"),
        "utf16": _("a Unicode text"),
        "named_xlsx": _("an .xlsx workbook with another ending"),
        "named_xls": _("an .xls workbook with another ending"),
        "named_ods": _("an .ods workbook with another ending"),
        "named_csv": _("a plain text with another ending"),
    }

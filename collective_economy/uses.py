"""What support money must not be spent on (handbook 6.7). These codes are offered to be refused, never stored."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

RED_LINES: dict[str, str | Promise] = {
    "matching": _("matching money for other projects"),
    "debt": _("repayment of debts of township or village"),
    "office": _("office buildings and halls"),
    "vehicle": _("vehicles and communication equipment"),
    "subsidy": _("personal subsidies"),
    "cadre_pay": _("pay of cadres"),
    "relief": _("relief payments"),
    "running_cost": _("running costs of village bodies"),
    "second_funding": _("an item that another programme has paid already"),
}

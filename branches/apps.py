from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class BranchesConfig(AppConfig):
    name = "branches"
    verbose_name = _("Organizations")

    def ready(self) -> None:
        # The admin and the sources read models, which exist only now.
        from branches import indicators, sources, village_file, village_part
        from branches.checks import scoped_admins
        from branches.listings import LISTINGS
        from branches.sheets import BranchesSheet, UnitsSheet
        from imports.listings import register as register_listings
        from imports.sheets import register as register_sheet

        register(scoped_admins, "admin")
        indicators.register(*sources.SOURCES)
        register_sheet(UnitsSheet())
        register_sheet(BranchesSheet())
        register_listings(*LISTINGS)
        village_file.register(village_part.build)

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CollectiveEconomyConfig(AppConfig):
    name = "collective_economy"
    verbose_name = _("Collective economy")

    def ready(self) -> None:
        # The sheet reads models of other apps, which exist only now.
        from collective_economy.listings import Ledger
        from collective_economy.sheets import LedgerSheet
        from imports.listings import register as register_listings
        from imports.sheets import register

        register(LedgerSheet())
        register_listings(Ledger())

from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class CollectiveEconomyConfig(AppConfig):
    name = "collective_economy"
    verbose_name = _("Collective economy")

    def ready(self) -> None:
        # The sheet and the sources read models, which exist only now.
        from accounts import jobs, rotation, ticking
        from branches import home_card, indicators, todo, village_file
        from collective_economy import home, sources, todos, verifying, village_part
        from collective_economy.listings import Ledger
        from collective_economy.models import Attachment
        from collective_economy.report_listings import IncomeYears, Projects
        from collective_economy.services import attachments
        from collective_economy.sheets import LedgerSheet
        from imports.listings import register as register_listings
        from imports.sheets import register

        register(LedgerSheet())
        register_listings(Ledger(), IncomeYears(), Projects())
        village_file.register(village_part.build)
        home_card.register(home.build)
        todo.register(*todos.SOURCES)
        rotation.register_files(Attachment, "sealed_file", attachments.context_of)
        indicators.register(*sources.SOURCES)
        indicators.register_spans(*sources.SPANS)
        jobs.handler(
            verifying.JOB,
            permission="collective_economy.confirm_payment",
            label=gettext_noop("Checking the sums of the collective economy"),
        )(verifying.verify_as_job)
        ticking.register("collective_economy.verify_funds", verifying.ask_daily, every=timedelta(days=1))

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CadresConfig(AppConfig):
    name = "cadres"
    verbose_name = _("Cadres")

    def ready(self) -> None:
        # The sheets and sources read models, which exist only now.
        from branches import indicators, village_file
        from cadres import sources, village_part
        from cadres.listings import LISTINGS
        from cadres.sheets import CadresSheet, ReserveCadresSheet
        from cadres.training_sheet import TrainingSheet
        from imports.listings import register as register_listings
        from imports.sheets import register

        register(CadresSheet())
        register(ReserveCadresSheet())
        register(TrainingSheet())
        register_listings(*LISTINGS)
        village_file.register(village_part.build)
        indicators.register(*sources.SOURCES)
        indicators.register_spans(*sources.SPANS)

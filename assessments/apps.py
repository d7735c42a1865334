from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AssessmentsConfig(AppConfig):
    name = "assessments"
    verbose_name = _("Assessments")

    def ready(self) -> None:
        # Job handlers and timed tasks read models, which exist only now.
        from accounts import ticking
        from assessments import jobs, person_pay, person_years, village_part, village_results  # noqa: F401
        from assessments.flag_listing import FlagApplications
        from assessments.pay_listing import PayLines
        from assessments.services import flag_awards, periods, review
        from assessments.year_listings import YearCadres, YearVillages
        from branches import village_file
        from cadres.village_results import register as register_results
        from cadres.village_results import register_pay, register_years
        from imports.listings import register as register_listings

        register_results(village_results.tell)
        register_years(person_years.tell)
        register_pay(person_pay.tell)
        village_file.register(village_part.build)
        register_listings(FlagApplications(), PayLines(), YearVillages(), YearCadres())
        ticking.register("assessments.months", periods.due)
        ticking.register("assessments.unlocks", review.relock_due)
        ticking.register("assessments.flags", flag_awards.tick)

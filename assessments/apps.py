from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AssessmentsConfig(AppConfig):
    name = "assessments"
    verbose_name = _("Assessments")

    def ready(self) -> None:
        # Job handlers and timed tasks read models, which exist only now.
        from accounts import ticking
        from assessments import jobs  # noqa: F401
        from assessments.services import periods, review

        ticking.register("assessments.months", periods.due)
        ticking.register("assessments.unlocks", review.relock_due)

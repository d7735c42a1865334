from datetime import timedelta

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # These need the models, which exist only now; the task registers itself.
        from accounts import (
            jobs,
            sealing,
            services,
            sessions,
            tasks,  # noqa: F401
            ticking,
        )

        jobs.handler(
            sealing.VERIFY_JOB,
            permission="accounts.verify_auditevent",
            label=gettext_noop("Verifying the audit trail"),
        )(sealing.verify_as_job)
        user_logged_in.connect(sessions.begin, dispatch_uid="accounts.begin_session")
        ticking.register("accounts.seal_audit", sealing.seal, every=timedelta(minutes=1))
        ticking.register("accounts.close_unused", services.close_unused, every=timedelta(hours=6))
        ticking.register("accounts.clear_sessions", sessions.clear_old, every=timedelta(hours=6))

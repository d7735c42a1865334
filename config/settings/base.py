"""All settings, read from the environment, with defaults that are safe.

What differs between machines is a variable; docs/operating.md lists them.
"""

import secrets
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import environment as env
from config.broker import broker_settings
from config.logging import logging_settings

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = Path(env.text("PORTAL_VAR_DIR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
"""The county is invented: every page says so in its footer."""


def _kept_secret(name: str) -> str:
    """Secret from the environment, else one made once and kept beside the embedded database."""
    value = env.text(name)
    if value:
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} needs at least 32 characters.")
        return value
    path = VAR_DIR / "keys" / name.lower()
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="ascii")
    return path.read_text(encoding="ascii")


SECRET_KEY = _kept_secret("SECRET_KEY")
FIELD_KEY = _kept_secret("FIELD_KEY")
INDEX_KEY = _kept_secret("INDEX_KEY")
AUDIT_KEY = _kept_secret("AUDIT_KEY")

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
HTTPS = env.flag("HTTPS")
PROXY_COUNT = env.number("PROXY_COUNT", 0)
"""Reverse proxies of ours in front of the portal; that many entries of X-Forwarded-For are believed."""

INSTALLED_APPS = [
    "config.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "treebeard",
    "accounts",
    "imports",
    "branches",
    "cadres",
    "assessments",
    "collective_economy",
    "config",
]

MIDDLEWARE = [
    "config.request_id.RequestIdMiddleware",
    "accounts.context.ActContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.sessions.SessionLimitsMiddleware",
    "accounts.gates.GateMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.attention.AttentionMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.portal",
            ],
        },
    },
]

# --- Databases and broker ---------------------------------------------------------------

DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")
DATABASES = {"default": env.database(DATABASE_URL)}
AUDIT_HEAD_FILE = env.text("AUDIT_HEAD_FILE", str(VAR_DIR / f"audit-head{env.database_label(DATABASE_URL)}.json"))
"""Newest link of the audit chain of this database. Best kept where the database's administrator cannot write."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.text("REDIS_URL")

# --- Jobs (config/broker.py, accounts/jobs.py) -------------------------------------------

_broker = broker_settings(REDIS_URL, VAR_DIR / "broker")
CELERY_BROKER_URL = _broker["url"]
CELERY_BROKER_TRANSPORT_OPTIONS = _broker["options"]
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = env.number("WORKER_CONCURRENCY", 2, at_least=1)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
JOB_LEASE_SECONDS = env.number("JOB_LEASE_SECONDS", 30, at_least=2)
"""How long a worker that was killed keeps its job from the others."""

# --- Rosters ----------------------------------------------------------------------------------

IMPORT_LIMITS = {
    "ROWS": env.number("IMPORT_ROWS", 20_000, at_least=100),
    "COLUMNS": env.number("IMPORT_COLUMNS", 100, at_least=20),
    "CELLS": env.number("IMPORT_CELLS", 300_000, at_least=1_000),
}

# --- Running (config/web.py, manage.py portal, config/health.py) --------------------------

HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, at_least=1)
SEED_DEMO = env.flag("SEED_DEMO", True)
"""`make run` makes a demo county in an empty database."""
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOGGING = logging_settings(LOG_LEVEL)

MIN_FREE_MB = env.number("MIN_FREE_MB", 500)
BACKUP_DIR = env.text("BACKUP_DIR")
BACKUP_MAX_HOURS = env.number("BACKUP_MAX_HOURS", 26, at_least=1)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]

# --- Accounts ---------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.logins.LockingBackend",
    "branches.backends.ScopeBackend",
]
PASSWORD_HASHERS = ["accounts.hashers.PortalArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{module}.{name}Validator"}
    for module, name in (
        ("accounts.passwords", "Length"),
        ("accounts.passwords", "Kinds"),
        ("accounts.passwords", "Common"),
        ("accounts.passwords", "OwnNames"),
        ("accounts.passwords", "Words"),
        ("accounts.passwords", "Year"),
        ("branches.password_words", "PlaceNames"),
        ("accounts.passwords", "Reuse"),
    )
]
PASSWORD_MAX_AGE_DAYS = env.number("PASSWORD_MAX_AGE_DAYS", 90)
"""After so many days a new password is asked for; 0 never."""
PASSWORD_WORDS = env.words(
    "PASSWORD_WORDS", "组织部,县委,党委,党建,村支部,zuzhibu,zzb,xianwei,dangwei,dangjian,cunzhibu,zhibu"
)
"""Words no password may contain, the spelling of the county and its townships in letters best among them."""
TOTP_REQUIRED = env.flag("TOTP_REQUIRED")
"""Administrator, auditor, county staff and leaders log in with a code of an authenticator app too."""
ACCOUNT_UNUSED_DAYS = env.number("ACCOUNT_UNUSED_DAYS", 90, at_least=1)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_IDLE_SECONDS = 30 * 60
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"

# Five wrong passwords lock the name for 15 minutes, whoever types them and from where.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_CLIENT_IP_CALLABLE = "accounts.context.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.logins.same_answer"
SILENCED_SYSTEM_CHECKS = ["axes.W006"]
"""It asks to count by address too. Counting by name alone is stricter: other addresses add up."""

CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Language and time ------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

# --- Files ------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_DIR", str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_HANDLERS = [
    "imports.upload_limit.WithinLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- API --------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.api_defaults.DenyByDefault"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.api.Schema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "config.api.error_response",
    "DEFAULT_PAGINATION_CLASS": "config.api_defaults.Page",
    "PAGE_SIZE": 50,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Village Party-building portal",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "PeriodState": "assessments.models.Period.State",
        "ReturnState": "assessments.models.Return.State",
        "RankingState": "assessments.models.Ranking.State",
        "AppealState": "assessments.models.Appeal.State",
        "ImportState": "imports.models.ImportBatch.State",
        "RowState": "assessments.cells.State",
        "FlagRoundState": "assessments.models.FlagRound.State",
        "FlagApplicationState": "assessments.models.FlagApplication.State",
        "FlagRevocationReason": "assessments.models.FlagRevocation.Reason",
        "FlagCriterionSource": "assessments.models.FlagCriterion.Source",
        "PaySheetState": "assessments.models.PaySheet.State",
        "PaymentState": "assessments.models.PayLine.Payment",
        "PayNote": "assessments.models.PayLine.Note",
        "RoleGroup": "assessments.models.RoleGroup",
        "RateKind": "assessments.models.UpliftRate.Kind",
        "YearState": "assessments.models.YearAssessment.State",
        "YearGrade": "assessments.models.year.Grade",
        "FundSource": "collective_economy.models.FundSource",
        "FundPaymentKind": "collective_economy.models.Payment.Kind",
        "FundPaymentState": "collective_economy.models.Payment.State",
        "ContractKind": "collective_economy.models.Contract.Kind",
        "AssetKind": "collective_economy.models.Asset.Kind",
        "AssetState": "collective_economy.models.Asset.State",
        "AuditFindingKind": "collective_economy.models.AuditFinding.Kind",
        "ProjectStage": "collective_economy.models.Stage",
    },
}

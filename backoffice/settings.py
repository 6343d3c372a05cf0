"""Every knob of the back office: read once from the environment, with a default that is safe on one machine.

Served (DEBUG=0) it refuses to start without real secrets; see README, "Served on many machines".
"""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.csp import CSP
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from backoffice import logs

env = environ.Env()
static_lazy = lazy(static, str)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("BACKOFFICE_DATA", default=str(BASE_DIR / "var"))).resolve()

# Set by `manage.py up`: one machine, 127.0.0.1 only, random secrets of its data folder, and no debugging.
LOCAL = env.bool("BACKOFFICE_LOCAL", default=False)
DEBUG = env.bool("DEBUG", default=not LOCAL)
SERVED = not DEBUG and not LOCAL

LOCAL_SECRET_KEY = "local-only-never-served-" + "0" * 40
SECRET_KEY = env.str("SECRET_KEY", default=LOCAL_SECRET_KEY)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if SERVED else ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Where people open the back office: for links in what is sent to them.
BACKOFFICE_URL = env.str("BACKOFFICE_URL", default=next(iter(CSRF_TRUSTED_ORIGINS), "")).rstrip("/")

DATABASE_URL = env.str("DATABASE_URL", default="")
BROKER_URL = env.str("BROKER_URL", default="")

if SERVED:
    for name, value, way_out in (
        ("SECRET_KEY", SECRET_KEY != LOCAL_SECRET_KEY and len(SECRET_KEY) >= 50, "50 or more random characters"),
        ("CREDENTIAL_KEYS", bool(CREDENTIAL_KEYS), "one or more Fernet keys, newest first"),
        ("ALLOWED_HOSTS", bool(ALLOWED_HOSTS), "the host names the console answers to"),
        ("DATABASE_URL", bool(DATABASE_URL), "postgres://user:password@host:5432/name"),
        ("BROKER_URL", bool(BROKER_URL), "redis://host:6379/0"),
    ):
        if not value:
            raise ImproperlyConfigured(f"Served (DEBUG=0), the back office needs {name}: set it to {way_out}.")

INSTALLED_APPS = [
    "backoffice.console",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "backoffice.imports",  # before import_export, which has a command called import as well
    "import_export",
    "backoffice.console.apps.AdminConfig",
    "django.forms",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "axes",
    "ninja",
    "connectors.tactile",
    "backoffice.local",
    "backoffice.sync",
    "backoffice.quotas",
    "backoffice.crm",
    "backoffice.jobs",
    "backoffice.access",
    "backoffice.changes",
]

MIDDLEWARE = [
    "backoffice.sync.facades.hosts.FacadeHosts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "backoffice.problems.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "backoffice.crm.visibility.remember_teams",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# A command that needs no database (--help, makemessages) may start without one; the rest get theirs from manage.py.
DATABASES = {"default": env.db_url_config(DATABASE_URL or "postgres:///backoffice")}
DATABASES["default"] |= {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
if "host" in DATABASES["default"].get("OPTIONS", {}):  # the folder of a socket: postgres://user@/name?host=/folder
    DATABASES["default"]["HOST"] = DATABASES["default"]["OPTIONS"].pop("host")
# The planner's stock costs are those of turning disks: it reads a million rows in order to save a thousand look-ups.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c random_page_cost=1.1 -c jit=off")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "backoffice.console.errors.locked_out"

HTTPS = env.bool("HTTPS", default=SERVED)
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
if HTTPS:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if env.bool("BEHIND_PROXY", default=False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DEFAULT_EXCEPTION_REPORTER = "backoffice.error_pages.Reporter"
CSRF_FAILURE_VIEW = "backoffice.console.errors.stale_form"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.SELF],
    # The console's Alpine expressions are evaluated in the page.
    "script-src": [CSP.SELF, CSP.NONCE, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}: set it to DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = logs.config(LOG_LEVEL, as_json=env.bool("LOG_JSON", default=SERVED))

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es-mx", _("Mexican Spanish"))]
LOCALE_PATHS = [BASE_DIR / "backoffice" / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = USE_TZ = True
COMPANY_CURRENCY = env.str("COMPANY_CURRENCY", default="USD")

# The console: django-unfold under our own site.
UNFOLD = {
    "SITE_TITLE": _("Back office"),
    "SITE_HEADER": _("Back office"),
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": static_lazy("console/icon.svg")}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("admin:set_language")},
    "STYLES": [static_lazy("console/console.css"), static_lazy("console/live.css")],
    "SCRIPTS": [static_lazy("console/live.js")],
    "DASHBOARD_CALLBACK": "backoffice.console.dashboard.dashboard",
    "SIDEBAR": {"navigation": "backoffice.console.navigation.sidebar"},
    "COLORS": {
        "primary": {
            "50": "oklch(97.6% .012 230)",
            "100": "oklch(94.4% .028 230)",
            "200": "oklch(89% .055 230)",
            "300": "oklch(81% .095 230)",
            "400": "oklch(71% .13 232)",
            "500": "oklch(62% .14 236)",
            "600": "oklch(53% .135 240)",
            "700": "oklch(46% .12 242)",
            "800": "oklch(39.5% .1 243)",
            "900": "oklch(34% .08 245)",
            "950": "oklch(25% .06 248)",
        },
    },
}

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not SERVED  # no collectstatic on one machine
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if SERVED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "backoffice.imports.arriving.LimitedFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = 1
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_BYTES", default=200 * 1024 * 1024)
UPLOAD_KEEP_DAYS = env.int("UPLOAD_KEEP_DAYS", default=90)
EXPORT_AT_ONCE_ROWS = env.int("EXPORT_AT_ONCE_ROWS", default=5_000)  # more of them are written by a job
EXPORT_KEEP_DAYS = env.int("EXPORT_KEEP_DAYS", default=7)

# Mail goes to a server once there is one. Until then one machine prints it, and served it is not sent.
MAIL_SERVER = env.str("EMAIL_HOST", default="")
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="backoffice@localhost")
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": MAIL_SERVER,
            "port": env.int("EMAIL_PORT", default=587),
            "username": env.str("EMAIL_HOST_USER", default=""),
            "password": env.str("EMAIL_HOST_PASSWORD", default=""),
            "use_tls": env.bool("EMAIL_USE_TLS", default=not env.bool("EMAIL_USE_SSL", default=False)),
            "use_ssl": env.bool("EMAIL_USE_SSL", default=False),
            "timeout": env.int("EMAIL_TIMEOUT", default=20),
        },
    }
    if MAIL_SERVER
    else {"BACKEND": f"django.core.mail.backends.{'dummy' if SERVED else 'console'}.EmailBackend"}
}

# Hosts on this very machine (loopback) that connections may call though the back office is served, over http too.
SYNC_LOCAL_HOSTS = env.list("SYNC_LOCAL_HOSTS", default=[])

# Jobs: a worker holds a job by a lease; the scheduler sends again what was lost.
JOB_LEASE_SECONDS = env.float("JOB_LEASE_SECONDS", default=30)
JOB_RESEND_SECONDS = env.float("JOB_RESEND_SECONDS", default=15)
JOB_LOG_DAYS = env.int("JOB_LOG_DAYS", default=90)
SCHEDULER_TICK_SECONDS = env.int("SCHEDULER_TICK_SECONDS", default=15)
WORKER_MAX_JOBS = env.int("WORKER_MAX_JOBS", default=1000)
WORKER_MAX_MEMORY_KIB = env.int("WORKER_MAX_MEMORY_KIB", default=400 * 1024)

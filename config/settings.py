"""Settings, from the environment. See config/environment.py for what production must say."""

import json
from pathlib import Path
from urllib.parse import unquote, urlparse

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import environment
from config.embedded import APP_ROLE, DATABASE, OWNER_ROLE, Postgres, Redis

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = environment.var_folder(BASE_DIR)
MODE = environment.mode()
PRODUCTION, DEMO, TESTING = MODE == "production", MODE == "demo", MODE == "test"
DEBUG = MODE == "development" and bool(environment.get("DEBUG"))

_local = {} if PRODUCTION else environment.local_secrets(VAR)


def _secret(name):
    return environment.get(name) or _local[name]


SECRET_KEY = _secret("SECRET_KEY")
FIELD_KEYS = {
    int(k): bytes.fromhex(v)
    for k, v in (
        json.loads(environment.get("FIELD_KEYS")) if environment.get("FIELD_KEYS") else _local["FIELD_KEYS"]
    ).items()
}
# While a new key goes round, every process must read it before the first one writes with it: name the old one here until then.
FIELD_KEY_WRITING = int(environment.get("FIELD_KEY_WRITING") or 0)
if FIELD_KEY_WRITING and FIELD_KEY_WRITING not in FIELD_KEYS:
    raise ImproperlyConfigured("FIELD_KEY_WRITING names a key that FIELD_KEYS does not have.")
HASH_KEY = bytes.fromhex(_secret("HASH_KEY"))
# Who was erased, one line each, outside the database: keep it apart from the backups and apply it after a restore.
ERASURE_LOG = environment.get("ERASURE_LOG", str(VAR / "erasures.log"))
VAPID_PRIVATE_KEY = _secret("VAPID_PRIVATE_KEY")
VAPID_CONTACT = environment.get("VAPID_CONTACT", "mailto:push@example.com")
STRIPE_SECRET_KEY = environment.get("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = environment.get("STRIPE_WEBHOOK_SECRET")
STRIPE_API_URL = environment.get("STRIPE_API_URL")  # a double in place of Stripe; empty: Stripe itself

DEMO_PORT = int(environment.get("DEMO_PORT", "8000"))
DEMO_SMTP_PORT = int(environment.get("DEMO_SMTP_PORT", "2525"))
DEMO_PUSH_PORT = int(environment.get("DEMO_PUSH_PORT", "8025"))
SITE_URL = environment.get("SITE_URL", f"http://localhost:{DEMO_PORT}").rstrip("/")
ALLOWED_HOSTS = environment.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    *(["demo"] if not PRODUCTION else []),
    "cms", "portal", "pos", "desk", "reports", "api",
    "campaigns", "delivery", "recommender", "emails", "push",
    "loyalty", "insights", "care", "sales", "experiments", "members",
    "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.contrib.settings", "wagtail.contrib.simple_translation", "wagtail.locales", "wagtail.embeds", "wagtail.sites",
    "wagtail.users", "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search", "wagtail.admin",
    "wagtail",
    "modelcluster", "taggit", "pgtrigger", "pghistory", "django_htmx", "ninja",
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.humanize", "django.contrib.staticfiles", "django.contrib.postgres",
    "allauth", "allauth.account", "allauth.mfa",
]  # fmt: skip

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.DoorSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.ModuleMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
                *(["demo.context.demo"] if not PRODUCTION else []),
            ],
        },
    },
]

# -- PostgreSQL and Redis ----------------------------------------------------------------------------------------------


def _postgres(url: str) -> dict:
    parts = urlparse(url)
    return {
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": parts.path.lstrip("/"),
    }


EMBEDDED_POSTGRES = (
    None if environment.get("DATABASE_URL") else Postgres(VAR, int(environment.get("EMBEDDED_POSTGRES_MAJOR", "18")))
)
EMBEDDED_REDIS = None if environment.get("REDIS_URL") else Redis(VAR)

if EMBEDDED_POSTGRES:
    _connection = {
        "HOST": str(EMBEDDED_POSTGRES.sockets), "PORT": EMBEDDED_POSTGRES.port, "USER": APP_ROLE, "NAME": DATABASE,
    }  # fmt: skip
    DATABASE_OWNER = _connection | {"USER": OWNER_ROLE}
else:
    _connection = _postgres(environment.get("DATABASE_URL"))
    DATABASE_OWNER = _postgres(environment.get("DATABASE_OWNER_URL") or environment.get("DATABASE_URL"))
DATABASE_APP_ROLE = _connection["USER"]

DATABASES = {
    "default": _connection
    | {
        "ENGINE": "config.db",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # A generic plan once per connection: the posting path calls the same few statements for ever.
        "OPTIONS": {"options": "-c timezone=UTC", "prepare_threshold": 1},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = environment.get("REDIS_URL") or f"unix://{EMBEDDED_REDIS.socket}"
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)  # Celery's spelling of the same
CACHES = {"default": {"BACKEND": "config.db.cache.Cache", "LOCATION": REDIS_URL}}

# -- people ------------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff are invited; whoever set the password read the mail
ACCOUNT_LOGOUT_REDIRECT_URL = "/staff/login/"
ACCOUNT_ADAPTER = "config.accounts.StaffAccountAdapter"
LOGIN_URL = "/staff/login/"
LOGIN_REDIRECT_URL = "/staff/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# -- words, time, money ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = environment.get("TIME_ZONE", "America/New_York")
CURRENCY = environment.get("CURRENCY", "USD")
# What reports take off and count with: the share of revenue that is kept, and minor units per thousand messages, by channel.
MARGIN_PERCENT = int(environment.get("MARGIN_PERCENT", "0")) or None
SEND_COST_PER_1000 = {
    channel: int(cost) for channel, _is, cost in (x.partition("=") for x in environment.get("SEND_COST_PER_1000", "email=60").split(",")) if cost
}  # fmt: skip

REPORTS_ARE_KEPT = not TESTING  # tests read every figure as it is

# -- files -------------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a folder that is not there
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = TESTING  # else every test client lists all static files anew
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR / "media"
ARTIFACTS = VAR / "artifacts"  # trained rankers, by version

# -- Wagtail -----------------------------------------------------------------------------------------------------------

WAGTAIL_SITE_NAME = "Regulars"
SHOP_NAME = environment.get("SHOP_NAME", "Larkfield Market")
WAGTAILADMIN_BASE_URL = SITE_URL
WAGTAILADMIN_LOGIN_URL = "/staff/enter/cms/"
WAGTAIL_PASSWORD_RESET_ENABLED = False  # at /staff/, for every door
WAGTAIL_I18N_ENABLED = True
WAGTAIL_CONTENT_LANGUAGES = LANGUAGES
WAGTAILADMIN_PERMITTED_LANGUAGES = LANGUAGES
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "pdf", "pptx", "txt", "xlsx", "zip"]

# -- messages out ------------------------------------------------------------------------------------------------------

EMAIL_URL = environment.get("EMAIL_URL", f"smtp://127.0.0.1:{DEMO_SMTP_PORT}")
MARKETING_FROM = environment.get("MARKETING_FROM", "Larkfield Market <hello@larkfield.example.com>")
# The relay's log of what it accepted, one Message-ID a line: with it a doubtful e-mail is settled by evidence.
EMAIL_ACCEPTANCE_LOG = environment.get("EMAIL_ACCEPTANCE_LOG")
DELIVERY_CHANNELS = {
    "email": {
        "class": "emails.smtp.SmtpChannel",
        "arguments": (EMAIL_URL,),
        "evidence": ("delivery.evidence.LogEvidence", EMAIL_ACCEPTANCE_LOG) if EMAIL_ACCEPTANCE_LOG else None,
    },
    "push": {"class": "push.web.WebPushChannel"},
}
# Further relays, tried in this order where the first is down, slow or has its fill: "second=smtp://… third=smtp://…".
_others = dict(one.split("=", 1) for one in environment.get("EMAIL_URLS_MORE", "").split())
if _others:
    DELIVERY_CHANNELS["email"]["others"] = {
        name: {"class": "emails.smtp.SmtpChannel", "arguments": (url,)} for name, url in _others.items()
    }
# Push to apps: the file of a Firebase service account. Text messages: a webhook (push/sms.py says what it is sent).
if FCM_CREDENTIALS := environment.get("FCM_CREDENTIALS"):
    DELIVERY_CHANNELS["mobile"] = {"class": "push.mobile.FcmChannel", "arguments": (FCM_CREDENTIALS,)}
if SMS_WEBHOOK_URL := environment.get("SMS_WEBHOOK_URL"):
    DELIVERY_CHANNELS["sms"] = {
        "class": "push.sms.SmsWebhookChannel", "arguments": (SMS_WEBHOOK_URL, environment.get("SMS_WEBHOOK_SECRET")),
        "options": {"is_idempotent": environment.get("SMS_WEBHOOK_IS_IDEMPOTENT") == "1"},
    }  # fmt: skip
# DKIM is the relay's work. Where it cannot sign, we do: a key in PEM, its domain and selector.
DKIM_KEY_FILE = environment.get("DKIM_KEY_FILE")
DKIM_DOMAIN, DKIM_SELECTOR = environment.get("DKIM_DOMAIN"), environment.get("DKIM_SELECTOR", "regulars")
if DKIM_KEY_FILE and not DKIM_DOMAIN:
    raise ImproperlyConfigured("DKIM_KEY_FILE is set: name the domain it signs for in DKIM_DOMAIN.")
if SMS_WEBHOOK_URL and not environment.get("SMS_WEBHOOK_SECRET"):
    raise ImproperlyConfigured(
        "SMS_WEBHOOK_URL is set: give the secret its calls are signed with in SMS_WEBHOOK_SECRET."
    )
# django-anymail reads providers' webhooks; the secret is the user:password that their calls must carry. Without it there
# are no such addresses. Mailgun signs besides, with a key of its own.
ANYMAIL = {
    "WEBHOOK_SECRET": environment.get("MAIL_WEBHOOK_SECRET", ""),
    "MAILGUN_WEBHOOK_SIGNING_KEY": environment.get("MAILGUN_WEBHOOK_SIGNING_KEY", ""),
}
# Hosts a browser's push subscription may name (and their subdomains); any other address is refused.
PUSH_SERVICES = environment.get(
    "PUSH_SERVICES", "fcm.googleapis.com,push.services.mozilla.com,push.apple.com,notify.windows.com"
).split(",")
# Single letters of our own (sign-in codes, staff passwords) go out by the same relay through Django's backend.
_relay = urlparse(EMAIL_URL)
EMAIL_HOST, EMAIL_PORT = _relay.hostname or "127.0.0.1", _relay.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_relay.username or ""), unquote(_relay.password or "")
EMAIL_USE_SSL = _relay.scheme == "smtps"
EMAIL_USE_TLS = not EMAIL_USE_SSL and "tls=1" in _relay.query.split("&")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = MARKETING_FROM

# Sign-in codes for phones go by SMS_WEBHOOK_URL; without it as letters to <digits>@<this domain>, the e-mail side of an SMS provider.
SMS_GATEWAY = environment.get("SMS_GATEWAY", "" if PRODUCTION else "sms.larkfield.example.com")

# -- the card in the phone's wallet (portal/passes/); empty: the button is not there ------------------------------------

APPLE_PASS_CERTIFICATE = environment.get("APPLE_PASS_CERTIFICATE")
APPLE_PASS_KEY = environment.get("APPLE_PASS_KEY")
APPLE_PASS_KEY_PASSWORD = environment.get("APPLE_PASS_KEY_PASSWORD")
APPLE_PASS_WWDR = environment.get("APPLE_PASS_WWDR")
APPLE_PASS_TYPE = environment.get("APPLE_PASS_TYPE")
APPLE_PASS_TEAM = environment.get("APPLE_PASS_TEAM")
GOOGLE_WALLET_KEY = environment.get("GOOGLE_WALLET_KEY")
GOOGLE_WALLET_ISSUER = environment.get("GOOGLE_WALLET_ISSUER")

# -- Celery: muscle, never memory --------------------------------------------------------------------------------------

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")

# -- safety ------------------------------------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"  # a view that is shown in a frame of our own says so itself (xframe_options_sameorigin)
SECURE_CONTENT_TYPE_NOSNIFF = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL.startswith("https://") else []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

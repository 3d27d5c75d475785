"""Settings, from the environment only. A wrong one stops the start with one clear line (`ConfigurationError`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from xtnd.core.environment import Environment

BASE_DIR = Path(__file__).resolve().parent

env = Environment(os.environ)

# ------------------------------------------------------------------ the installation

DATA_DIR = env.folder("XTND_DATA_DIR", default=env.default_data_dir())
DEBUG = env.flag("XTND_DEBUG", default=False)
PUBLIC_URL = env.url("XTND_PUBLIC_URL", default="")
"""Where browsers and stores reach this installation, e.g. https://xtnd.example.com. "" on a machine of its own."""
SECRET_KEY = env.key("XTND_SECRET_KEY", stored_in=DATA_DIR / "secret.key")
CREDENTIAL_KEYS = env.fernet_keys("XTND_CREDENTIAL_KEYS", stored_in=DATA_DIR / "credentials.key")
"""Newest first: the first encrypts, all decrypt. Kept outside the database and outside its backup."""

BIND = env.text("XTND_BIND", default="127.0.0.1")
PORT = env.number("PORT", default=8000, least=1, most=65_535)
ALLOWED_HOSTS = env.hosts("XTND_ALLOWED_HOSTS", public_url=PUBLIC_URL, bind=BIND)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
ALLOWED_PRIVATE_NETS = env.networks("XTND_ALLOWED_PRIVATE_NETS")
CA_BUNDLE = env.file("XTND_CA_BUNDLE")
"""Extra certificate authorities for stores with a certificate of their own."""

# ------------------------------------------------------------------ the engine

RUN_LOST_AFTER = env.number("XTND_RUN_LOST_AFTER", default=30, least=2, most=3600)
"""Seconds without a heartbeat after which a run is taken over. A working run beats every few seconds."""
WORKER_RUNS = env.number("XTND_WORKER_RUNS", default=4, least=1, most=64)
"""Runs one worker does at a time."""
REQUESTS_IN_FLIGHT = env.number("XTND_REQUESTS_IN_FLIGHT", default=2, least=1, most=8)
"""Requests at once towards one store."""

DEMO_PATIENCE = 15.0
"""Seconds a click waits for the demo store to start; the first time it seeds 1,500 orders and takes about two."""

# ------------------------------------------------------------------ Django

ROOT_URLCONF = "xtnd.urls"
WSGI_APPLICATION = "xtnd.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "companies.User"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "template_partials",
    "xtnd.database",
    "xtnd.companies",
    "xtnd.connections",
    "xtnd.customers",
    "xtnd.catalog",
    "xtnd.stock",
    "xtnd.orders",
    "xtnd.sync",
    "xtnd.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "xtnd.web.middleware.UserLanguage",
    "xtnd.web.middleware.CompanyTime",
    "xtnd.web.middleware.FirstRun",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "web" / "templates"],  # before the apps: our sign-in pages replace allauth's
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "xtnd.web.context.shell",
            ],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

DATABASES = {"default": env.database("DATABASE_URL", default_file=DATA_DIR / "xtnd.sqlite3")}

# ------------------------------------------------------------------ who you are

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # there is no sign-up: the owner adds users
ACCOUNT_ADAPTER = "xtnd.web.accounts.ClosedAccountAdapter"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "XTND Backend"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# ------------------------------------------------------------------ the browser

_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "xtnd.web.views.csrf_failure"
SESSION_COOKIE_NAME = "xtnd_session"
CSRF_COOKIE_NAME = "xtnd_csrf"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
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
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    }
}
MESSAGE_TAGS = {40: "danger"}  # messages.ERROR in Bootstrap's words
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# ------------------------------------------------------------------ words and numbers

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("sv", "Svenska")]
LANGUAGE_COOKIE_NAME = "xtnd_language"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["xtnd.web.formats"]

LOG_LEVEL = env.choice("XTND_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"fields": {"()": "xtnd.core.logs.FieldFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "fields"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"xtnd": {"level": LOG_LEVEL}},
}

env.refuse_unknown()

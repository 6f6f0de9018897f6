"""What the environment may say, and what it must say in production. Read once, by settings."""

import json
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

MODES = ("development", "test", "demo", "production")
REQUIRED_IN_PRODUCTION = {
    "SECRET_KEY": "a long random string; Django signs sessions and links with it",
    "FIELD_KEYS": "JSON object of key id → 64 hex digits; personal fields are encrypted with the last one",
    "HASH_KEY": "64 hex digits; identifiers are looked up by their keyed hash",
    "ALLOWED_HOSTS": "comma-separated host names",
    "SITE_URL": "the public https:// address, used in e-mails",
    "DATABASE_URL": "postgres://user:password@host/name, the role that may not alter tables",
    "DATABASE_OWNER_URL": "the same database as the role that owns the tables; used by migrate only",
    "REDIS_URL": "redis://host/0",
    "EMAIL_URL": "smtp://user:password@host:587?tls=1, the relay campaigns go out by",
    "VAPID_PRIVATE_KEY": "the web push key: the 32-byte private number as URL-safe base64",
}


def mode() -> str:
    value = os.environ.get("REGULARS_MODE", "development")
    if value not in MODES:
        raise ImproperlyConfigured(f"REGULARS_MODE is {value!r}; use one of {', '.join(MODES)}.")
    if value == "production":
        missing = [
            f"{name} ({meaning})" for name, meaning in REQUIRED_IN_PRODUCTION.items() if not os.environ.get(name)
        ]
        if missing:
            raise ImproperlyConfigured("Production is half configured. Set:\n  " + "\n  ".join(missing))
    return value


def var_folder(base: Path) -> Path:
    return Path(os.environ.get("REGULARS_VAR") or base / "var").resolve()


def get(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def local_secrets(var: Path) -> dict:
    """Keys for a machine where nobody set any: made once, kept under var/ for this checkout alone."""
    path = var / "secrets.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        pass
    var.mkdir(parents=True, exist_ok=True)
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": {"1": secrets.token_hex(32)},
        "HASH_KEY": secrets.token_hex(32),
        "VAPID_PRIVATE_KEY": _vapid_key(),
    }
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(made, indent=1))
    temporary.chmod(0o600)
    try:
        os.link(temporary, path)  # the first process to get here wins; all others read what it wrote
    except FileExistsError:
        return json.loads(path.read_text())
    finally:
        temporary.unlink()
    return made


def _vapid_key() -> str:
    import base64

    from cryptography.hazmat.primitives.asymmetric import ec

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()

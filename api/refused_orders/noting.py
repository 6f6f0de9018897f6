"""Notes that an order was refused, beside the answer the shop gets. One statement; a failure of it never changes the answer."""

import json
import logging
import re

from django.db import DatabaseError, connection

from api.models import RefusedOrder
from members import clock
from members.crypto import keyed_hash

OPEN_MOST = 500
"""So many orders of one source are listed one by one; further ones are only counted, in one row."""
ACTS = {
    "record_purchase": RefusedOrder.Kind.ORDER,
    "pay": RefusedOrder.Kind.ORDER,
    "refund": RefusedOrder.Kind.REFUND,
}
BY_STATUS = {400: "unreadable", 403: "scope", 404: "sale", 409: "key_used"}
BY_FIELD = {
    "store": "store",
    "member": "member",
    "member.public_id": "member",
    "purchased_at": "rules",
    "lines": "lines",
    "spend": "spend",
    "code": "spend",
}
SHAPES = {"missing": "missing", "extra_forbidden": "extra"}
"""What pydantic calls a field that is not there, or that should not be."""
FIELD_PART = re.compile(r"[a-z_]{1,30}|[0-9]{1,4}")
STORE_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,19}|[0-9]{1,6}")
"""What is shown of an unknown store's code: never what could be a phone number or an address."""

log = logging.getLogger(__name__)

# A row of an order whose number was used for another stays so: later tries of it do not make the first conflict undone.
_NOTE = """
INSERT INTO api_refusedorder AS known (source_id, kind, client_key, code, field, store_said, body_digest, bodies, tries, first_at, last_at)
SELECT %(source)s, CASE WHEN is_listed THEN %(kind)s ELSE %(beyond)s END, CASE WHEN is_listed THEN %(key)s ELSE '' END,
       CASE WHEN is_listed THEN %(code)s ELSE 'beyond' END, CASE WHEN is_listed THEN %(field)s ELSE '' END,
       CASE WHEN is_listed THEN %(store)s ELSE '' END, %(digest)s, 1, 1, %(at)s, %(at)s
  FROM (SELECT EXISTS (SELECT FROM api_refusedorder
                        WHERE source_id = %(source)s AND kind = %(kind)s AND client_key = %(key)s AND closed_at IS NULL)
            OR (SELECT count(*) FROM (SELECT FROM api_refusedorder
                                       WHERE source_id = %(source)s AND closed_at IS NULL LIMIT %(most)s) standing) < %(most)s
               AS is_listed) room
ON CONFLICT (source_id, kind, client_key) WHERE closed_at IS NULL DO UPDATE
   SET tries = known.tries + 1, last_at = excluded.last_at, body_digest = excluded.body_digest,
       bodies = known.bodies + (known.body_digest <> excluded.body_digest)::int,
       code = CASE known.code WHEN 'key_used' THEN known.code ELSE excluded.code END,
       field = CASE known.code WHEN 'key_used' THEN known.field ELSE excluded.field END,
       store_said = CASE known.code WHEN 'key_used' THEN known.store_said ELSE excluded.store_said END
"""


def code_of(status: int, field: str = "", code: str = "") -> str:
    """Which of the errors of `wording` a refusal is."""
    if code or status in BY_STATUS:
        return code or BY_STATUS[status]
    if field.startswith("lines."):
        return "lines"
    return BY_FIELD.get(field, "member_form" if field.startswith("member.") else "invalid")


def note(request, code: str, field: str = "") -> None:
    """Put a refused order on the list, or count one more try of it. Requests of another kind, or without a token, are left."""
    kind = ACTS.get(request.resolver_match.url_name if request.resolver_match else "")
    source_id = getattr(getattr(request, "auth", None), "source_id", None)
    if kind is None or source_id is None:
        return
    said = _read(request.body)
    facts = {
        "source": source_id, "kind": int(kind), "beyond": int(RefusedOrder.Kind.BEYOND), "key": _key(said),
        "code": code, "field": _field(field), "store": _store(said) if code == "store" else "",
        "digest": keyed_hash(request.body.decode("latin-1"), kind="refused order"), "at": clock.now(), "most": OPEN_MOST,
    }  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, facts)
    except DatabaseError:
        log.exception("A refused order could not be noted.")


def _read(body: bytes) -> dict:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _key(said: dict) -> str:
    """The order's number as the shop calls it; empty where it is none that could ever be recorded."""
    key = said.get("receipt")
    if not isinstance(key, str) or len(key) > 100 or "\x00" in key:
        return ""
    return key.encode("utf-8", "ignore").decode()  # half a character of two cannot be stored


def _store(said: dict) -> str:
    store = said.get("store")
    return store if isinstance(store, str) and STORE_CODE.fullmatch(store) else ""


def _field(path: str) -> str:
    """The path of a field by names such as ours; a name that a shop made up could be anything, so it is not kept."""
    parts = [part if FIELD_PART.fullmatch(part) else "…" for part in path.split(".")]
    return ".".join(parts)[:60] if path else ""

"""Verbs of push: freezing a template, remembering and forgetting a device."""

import base64
import hashlib
import ipaddress
import json
from urllib.parse import urljoin, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from members.crypto import keyed_hash
from push.models import TITLE_MAX, AppInstallation, FrozenPush, PushSubscription, PushTemplate, PushWording
from push.wording import check_wording, fields_used

DEVICES_MAX = 10


class CannotFreeze(ValueError):
    """The template cannot be sent as it stands; `problems` says why in words."""

    def __init__(self, problems: list[str]):
        super().__init__(" ".join(problems))
        self.problems = problems


class BadSubscription(ValueError):
    """What the browser handed over is no push subscription that we may use."""


def wording_for(template: PushTemplate, language: str) -> PushWording:
    """The words of the language, else the English ones, else the first. Raises CannotFreeze when there are none."""
    wordings = {wording.language: wording for wording in template.wordings.all()}
    if not wordings:
        raise CannotFreeze(
            [_("“%(name)s” has no wording yet. Write a title in at least one language.") % {"name": template.name}]
        )
    return wordings.get(language) or wordings.get("en") or next(iter(wordings.values()))


def freeze(*, template: PushTemplate, language: str, site_url: str) -> FrozenPush:
    """The template's words of one language as they stand now. The same content is the same row."""
    return _freeze(template, wording_for(template, language), language, site_url)


def freeze_test(*, template: PushTemplate, language: str, site_url: str) -> FrozenPush:
    """The same of a draft, marked as a test."""
    wording = wording_for(template, language)
    title = _("[Test] %(title)s") % {"title": wording.title}
    return _freeze(
        template, PushWording(language=language, title=title[:TITLE_MAX], body=wording.body), language, site_url
    )


@transaction.atomic
def _freeze(template: PushTemplate, wording: PushWording, language: str, site_url: str) -> FrozenPush:
    url = urljoin(f"{site_url.rstrip('/')}/", template.url)
    problems = _problems(wording, url)
    if problems:
        raise CannotFreeze(problems)
    content = {
        "template": template.pk,
        "language": language,
        "title": wording.title,
        "body": wording.body,
        "links": [url],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    frozen = FrozenPush(
        content_hash=digest, template_id=template.pk, revision_id=template.latest_revision_id, language=language,
        title=wording.title, body=wording.body, links=[url],
        fields_used=sorted(fields_used(wording.title) | fields_used(wording.body)),
    )  # fmt: skip
    FrozenPush.objects.bulk_create([frozen], ignore_conflicts=True)
    return FrozenPush.objects.get(content_hash=digest)


def _problems(wording: PushWording, url: str) -> list[str]:
    problems = []
    for text in (wording.title, wording.body):
        try:
            check_wording(text)
        except ValidationError as error:
            problems += error.messages
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        problems.append(_("%(url)s is not an address that a tap can open. Use a path such as /portal/.") % {"url": url})
    return problems


def link_target(frozen: FrozenPush, link: str, values: dict) -> str | None:
    """Where a tap leads: the stored address of this index, or None."""
    if not link.isdecimal() or int(link) >= len(frozen.links):
        return None
    return frozen.links[int(link)]


@transaction.atomic
def subscribe(*, member_id: int, subscription_json: dict | str, at) -> PushSubscription:
    """Remember a browser of this member. Safe to repeat; a browser that changed hands belongs to its newest member.

    `subscription_json` is the browser's `PushSubscription.toJSON()`. Raises BadSubscription.
    """
    endpoint, p256dh, auth = _read(subscription_json)
    subscription, _created = PushSubscription.objects.update_or_create(
        endpoint_hash=keyed_hash(endpoint, kind="push"),
        defaults={"member_id": member_id, "endpoint": endpoint, "p256dh": p256dh, "auth": auth, "subscribed_at": at},
    )
    newest = (
        PushSubscription.objects.filter(member=member_id).order_by("-subscribed_at", "-pk").values("pk")[:DEVICES_MAX]
    )
    PushSubscription.objects.filter(member=member_id).exclude(pk__in=list(newest.values_list("pk", flat=True))).delete()
    return subscription


def _read(subscription) -> tuple[str, str, str]:
    try:
        facts = json.loads(subscription) if isinstance(subscription, str) else subscription
        endpoint, keys = facts["endpoint"], facts["keys"]
        p256dh, auth = keys["p256dh"], keys["auth"]
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _unpadded(p256dh))
        is_key = len(_unpadded(auth)) == 16
    except (KeyError, TypeError, ValueError):
        raise BadSubscription(
            _("The browser gave no usable push subscription. Reload the page and try again.")
        ) from None
    if not is_key or len(endpoint) > 2_000 or not is_push_service(endpoint):
        raise BadSubscription(_("This browser's push service is not one we send to. Ask staff to allow it."))
    return endpoint, p256dh, auth


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_push_service(endpoint: str) -> bool:
    """Whether we may post to this address. It comes from a browser, so it must not lead into our own network."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if parts.username or parts.password:
        return False
    if not settings.PRODUCTION and _is_loopback(host):
        return parts.scheme in ("http", "https")
    is_known = any(host == service or host.endswith(f".{service}") for service in settings.PUSH_SERVICES)
    return parts.scheme == "https" and port in (None, 443) and is_known


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@transaction.atomic
def unsubscribe(*, endpoint: str, member_id: int | None = None) -> bool:
    """Forget a browser (of this member, if one is named); False when it was not known."""
    found = PushSubscription.objects.filter(endpoint_hash=keyed_hash(endpoint, kind="push"))
    if member_id is not None:
        found = found.filter(member=member_id)
    return bool(found.delete()[0])


@transaction.atomic
def forget_device(*, device_id: int) -> None:
    """The push service says that this browser is gone."""
    PushSubscription.objects.filter(pk=device_id).delete()


@transaction.atomic
def register_app(*, member_id: int, token: str, at) -> AppInstallation:
    """Remember an installed app by the token that FCM gave it. A token that moved to another member moves along."""
    if not 20 <= len(token) <= 4_096 or not token.isascii() or not token.isprintable():
        raise BadSubscription(_("The app gave no usable token. Ask FCM for a new one."))
    installed, _made = AppInstallation.objects.update_or_create(
        token_hash=keyed_hash(token, kind="mobile"),
        defaults={"member_id": member_id, "token": token, "registered_at": at},
    )
    old = AppInstallation.objects.filter(member=member_id).order_by("-registered_at", "-pk")[DEVICES_MAX:]
    AppInstallation.objects.filter(pk__in=[one.pk for one in old]).delete()
    return installed


@transaction.atomic
def unregister_app(*, member_id: int, token: str) -> bool:
    """Forget an app of this member by its token; False when it was not known."""
    found = AppInstallation.objects.filter(member=member_id, token_hash=keyed_hash(token, kind="mobile"))
    return bool(found.delete()[0])


@transaction.atomic
def forget_app(*, device_id: int) -> None:
    """FCM says that this app is gone."""
    AppInstallation.objects.filter(pk=device_id).delete()


@transaction.atomic
def forget_member(*, member_id: int) -> None:
    PushSubscription.objects.filter(member=member_id).delete()
    AppInstallation.objects.filter(member=member_id).delete()

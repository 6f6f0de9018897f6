"""What sending itself does not show: how long receipts take by each way out, and who takes the mail of a domain."""

import logging
from collections.abc import Callable
from datetime import timedelta

import dns.exception
import dns.resolver
from django.db import connection

from delivery import channels, pacing
from delivery.models import MailDomain, Pace
from delivery.transports import Ways
from members.queries import email_domains

DOMAINS_AT_ONCE, KNOWN_FOR = 50, timedelta(days=30)
PATIENCE_S = 3

logger = logging.getLogger(__name__)

# Only what was handed over since a way was last put back: it is not judged twice by the same messages.
_RECEIPTS = """
SELECT m.channel, t.name, count(*), count(*) FILTER (WHERE e.at > m.sent_at + %(late)s)
  FROM delivery_messageevent e
  JOIN delivery_message m ON m.id = e.message_id
  JOIN delivery_transport t ON t.channel = m.channel AND t.name = m.transport
 WHERE e.kind = 'delivered' AND e.at > %(since)s AND e.at <= %(at)s AND m.sent_at > coalesce(t.demoted_until, '-infinity')
 GROUP BY m.channel, t.name
"""


def watch_receipts(*, at) -> list[tuple[str, str]]:
    """Put ways behind the others whose receipts come late; answers (channel, transport). A way that is alone stays.

    A relay may take every message at once and sit on them: what its receiver says it got, and when, tells.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _RECEIPTS, {"at": at, "since": at - timedelta(minutes=pacing.WATCHED_MINUTES), "late": pacing.LATE}
        )
        rows = cursor.fetchall()
    late = [
        (channel, name, n, told)
        for channel, name, told, n in rows
        if len(channels.ways(channel)) > 1 and pacing.is_too_slow(handed=told, slow=n)
    ]
    for channel, name, n, told in late:
        minutes = int(pacing.LATE.total_seconds() // 60)
        Ways(channel).demote(name, at=at, because=f"{n} of {told} receipts came more than {minutes} minutes late")
    return [(channel, name) for channel, name, _n, _told in late]


def _mail_hosts(domain: str) -> list[str]:
    """The names of a domain's mail hosts, the preferred first; none where it has none. Raises DNSException."""
    try:
        found = dns.resolver.resolve(domain, "MX", lifetime=PATIENCE_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [str(one.exchange) for one in sorted(found, key=lambda one: (one.preference, str(one.exchange)))]


def look_up_domains(*, at, mail_hosts: Callable[[str], list[str]] = _mail_hosts) -> int:
    """Ask who takes the mail of the commonest domains of members that nobody has asked about lately; how many were learned.

    Only where a pace by receivers is set: otherwise nobody needs to know. A name server that is silent is asked next time.
    """
    if not Pace.objects.exists():
        return 0
    fresh = set(MailDomain.objects.filter(looked_up_at__gt=at - KNOWN_FOR).values_list("domain", flat=True))
    asked = [one for one in email_domains() if one not in fresh and pacing.family_of_domain(one) is None]
    learned = []
    for domain in asked[:DOMAINS_AT_ONCE]:
        try:
            family = pacing.family_of_mx(domain, mail_hosts(domain))
        except dns.exception.DNSException as error:
            logger.info("Nobody could say who takes the mail of a domain: %s", type(error).__name__)
            continue
        learned.append(MailDomain(domain=domain, family=family[:60], looked_up_at=at))
    MailDomain.objects.bulk_create(
        learned, update_conflicts=True, unique_fields=["domain"], update_fields=["family", "looked_up_at"]
    )
    return len(learned)

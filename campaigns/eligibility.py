"""Who can be sent a campaign, and who not and why. It never depends on the arm, so that the arms stay comparable."""

from django.db.models import Q

from delivery.models import Suppression
from experiments import queries as experiments
from members.models import Identifier, Member
from push.models import AppInstallation, PushSubscription

CONTROL, NO_CONSENT, NO_ADDRESS, SUPPRESSED = "global_control", "no_consent", "no_address", "suppressed"


# A push is a push, to a browser or to an app: who said yes to one said yes to both.
CONSENT_TO = {"mobile": "push"}
KIND_OF_ADDRESS = {"sms": "phone"}
DEVICES = {"push": PushSubscription, "mobile": AppInstallation}


def _consent(channel, at) -> Q:
    agreed = Member.objects.reachable(channel=CONSENT_TO.get(channel, channel), at=at)
    return Q(pk__in=agreed.order_by().values("pk"))


# Sets that stand on their own (IN), not questions asked per member (EXISTS): before the first ANALYZE of a young table the
# planner takes both for tiny, and only the sets stay cheap.
def _address(channel) -> Q:
    if channel in DEVICES:
        return Q(pk__in=DEVICES[channel].objects.order_by().values("member"))
    return Q(pk__in=_identifiers(channel).values("member"))


def _identifiers(channel):
    return Identifier.objects.filter(kind=KIND_OF_ADDRESS.get(channel, channel), is_primary=True)


def _suppressed(channel) -> Q:
    stopped = Suppression.objects.filter(channel=channel).values("address_hash")
    return Q(pk__in=_identifiers(channel).filter(value_hash__in=stopped).values("member"))


def can_be_sent(channel: str, at) -> Q:
    """A condition over Member: agreed to the channel, has an address there, and it is not suppressed."""
    return _consent(channel, at) & _address(channel) & ~_suppressed(channel)


def held_by_control(members, *, at) -> dict:
    """The members whom no marketing reaches at all, so that the whole of it can be measured; none without such a group."""
    return {CONTROL: members.filter(pk__in=experiments.held_out_by_control(at))} if experiments.control_at(at) else {}


def skipped(variants, members, *, at) -> dict:
    """Reason → the members it holds for, first match wins: whom some variant could reach on none of its channels.

    The member's own page reaches every active member: they ask for it by opening it.
    """
    asking = [variant for variant in variants if not variant.is_on_page]
    if not asking:
        return {}

    def reached_by_all(test) -> Q:
        whole = Q()
        for variant in asking:
            some = Q()
            for channel in variant.channels:
                some |= test(channel)
            whole &= some
        return whole

    return {
        NO_CONSENT: members.exclude(reached_by_all(lambda c: _consent(c, at))),
        NO_ADDRESS: members.exclude(reached_by_all(lambda c: _consent(c, at) & _address(c))),
        SUPPRESSED: members.exclude(reached_by_all(lambda c: can_be_sent(c, at))),
    }

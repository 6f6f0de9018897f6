"""What a house holds for its members, by names that two houses share: to be held against another's, and looked through for what is there twice."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header

from demo.smtp_sink import Sink


def taken(
    sink: Sink, campaign_id: int, *, shoppers: int, stock: dict[str, int]
) -> tuple[dict[str, dict], dict[str, int]]:
    """(facts by name, how many of each kind are there more than once).

    Members are named by their number; whose points are compared are the first `shoppers`: of the others chance decided who was first.
    `stock` is how many there were of a reward.
    """
    from members.models import Identifier

    who = {one.member_id: one.value for one in Identifier.objects.filter(kind="external")}
    first = {pk for pk, name in who.items() if int(name[1:]) < shoppers}
    letters = Counter((", ".join(one.recipients), _subject(one.content)) for one in sink.messages)
    facts = _ledger(who, first) | _said(who) | {"letters that arrived": dict(letters)} | _campaigns(who, campaign_id)
    given = facts["rewards handed out"]
    twice = _more_than_once() | {
        "letters": _beyond_one(letters),
        "rewards beyond the stock": sum(max(0, given.get(name, 0) - n) for name, n in stock.items()),
        "sent and not arrived": abs(_sent() - letters.total()),
    }
    return facts, twice


def _ledger(who: dict[int, str], first: set[int]) -> dict[str, dict]:
    from loyalty.models import Redemption, Transfer, Wallet
    from sales.models import Purchase

    wallets = Wallet.objects.filter(member__in=first).select_related("tier")
    transfers = Transfer.objects.filter(wallet__member__in=first).values_list("wallet__member", "reason", "points")
    handed_out = Redemption.objects.filter(state="granted").values_list("reward__name_en", flat=True)
    return {
        "points and tiers": {who[w.member_id]: (w.available, w.held, w.debt, w.tier and w.tier.code) for w in wallets},
        "transfers": dict(Counter((who[member], reason, points) for member, reason, points in transfers)),
        "purchases": dict(Counter(Purchase.objects.values_list("client_key", "total_minor", "kind"))),
        "rewards handed out": dict(Counter(handed_out)),
    }


def _said(who: dict[int, str]) -> dict[str, dict]:
    from campaigns.journeys.models import StepRun
    from delivery.models import Message

    messages = Message.objects.filter(member__isnull=False).values_list("cause", "member", "channel", "state")
    return {
        "messages": dict(Counter((_cause(cause), who[member], way, state) for cause, member, way, state in messages)),
        "steps of the journey": {
            (step, who[m]): 1 for step, m in StepRun.objects.values_list("step", "enrolment__member")
        },
    }


def _cause(cause: str) -> str:
    """A cause without the numbers that two houses give differently: of purchases and transfers."""
    return ":".join(part for part in cause.split(":") if not part.isdigit()) or cause


def _campaigns(who: dict[int, str], campaign_id: int) -> dict[str, dict]:
    from campaigns import outcomes
    from campaigns.models import Campaign
    from experiments.models import Assignment

    campaign = Campaign.objects.get(pk=campaign_id)
    arms = outcomes.per_arm(outcomes.of_campaign(campaign), until=datetime.now(UTC) + timedelta(hours=1))
    assigned = Assignment.objects.values_list("experiment__name", "member", "arm__name")
    return {
        "members in arms": {(name, who[m]): arm for name, m, arm in assigned},
        "outcomes by arm": {
            (arm, segment): (one.n, one.sums["spend"], one.sums["orders"])
            for arm, parts in arms.items()
            for segment, one in enumerate(parts)
        },
    }


def _more_than_once() -> dict[str, int]:
    from campaigns.journeys.models import Enrolment, StepRun
    from campaigns.models import Entry, Fire
    from delivery.models import Message

    asked = {
        "messages of one cause": (Message, ("cause", "member", "channel")),
        "steps": (StepRun, ("step", "enrolment__member")),
        "entries": (Entry, ("campaign", "member")),
        "walks": (Enrolment, ("journey", "member")),
        "launches": (Fire, ("campaign",)),
    }
    return {name: _beyond_one(Counter(of.objects.values_list(*fields))) for name, (of, fields) in asked.items()}


def _beyond_one(counts: Counter) -> int:
    return sum(n - 1 for n in counts.values())


def _sent() -> int:
    from delivery.models import Message

    return Message.objects.filter(channel="email", state="sent").count()


def _subject(content: bytes) -> str:
    return str(make_header(decode_header(message_from_bytes(content)["Subject"])))

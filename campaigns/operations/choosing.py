"""A winner for the rest, shares that move from part to part, and the brake: what a running campaign decides by itself."""

from dataclasses import asdict
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import goals, winning
from campaigns.models import Campaign
from campaigns.operations.holding import pause
from campaigns.operations.launching import send_part
from campaigns.operations.planning import REST, write_part, write_recipients
from campaigns.operations.refusing import CannotLaunch, Status, locked
from experiments import queries as assigned
from recommender.bandits import HierarchicalThompson

CERTAIN, AHEAD, ASKED = "certain", "ahead", "chosen"
"""How a winner came to be: beyond doubt, only ahead when the time was over, or taken by a person."""


def look(campaign, *, at) -> bool:
    """Everything a running campaign may decide now; whether it did. The caller holds its lock."""
    if brake(campaign, at=at):
        return True
    if campaign.choice == Campaign.Choice.WINNER:
        return look_for_winner(campaign, at=at)
    if campaign.choice == Campaign.Choice.LEARNING:
        return next_part(campaign, at=at)
    return False


# -- the winner --------------------------------------------------------------------------------------------------------


def standing(campaign, *, at):
    """How the variants stand by the campaign's goal; None without two of them."""
    passed = (at - campaign.launched_at).total_seconds() / 3600 / campaign.decide_hours
    return winning.standing(goals.reached(campaign, until=at, wave=1), share_of_plan=max(passed, 0.0))


def look_for_winner(campaign, *, at) -> bool:
    """Take the winner when it is certain, or who leads when the time is over; a person may have to confirm it."""
    if campaign.winner_id:
        return False
    found = standing(campaign, at=at)
    is_over = at >= campaign.launched_at + timedelta(hours=campaign.decide_hours)
    if found is None or not (found.is_certain or is_over):
        return False
    how = CERTAIN if found.is_certain else AHEAD
    if campaign.asks_for_winner:
        if campaign.decision.get("proposed") == found.leader.variant_id and campaign.decision.get("how") == how:
            return False
        campaign.decision |= _words(found, how) | {"proposed": found.leader.variant_id, "at": at.isoformat()}
        campaign.save(update_fields=["decision"])
        return True
    crown(campaign, campaign.variants.get(pk=found.leader.variant_id), how=how, at=at, found=found)
    return True


@transaction.atomic
def choose(*, campaign: Campaign, variant, at) -> Campaign:
    """A person takes the winner, whatever the figures say. Raises CannotLaunch when there is none to take any more."""
    campaign = locked(campaign)
    if campaign.choice != Campaign.Choice.WINNER or campaign.status != Status.SENDING:
        raise CannotLaunch(_("This campaign does not wait for a winner."))
    if campaign.winner_id is None:
        crown(campaign, variant, how=ASKED, at=at, found=standing(campaign, at=at))
    return campaign


def crown(campaign, variant, *, how, at, found):
    """Send the winner to the rest. The row of the campaign is locked, so it happens once."""
    campaign.winner, campaign.winner_at = variant, at
    campaign.decision |= (_words(found, how) if found else {"how": how}) | {"at": at.isoformat()}
    campaign.save()
    campaign.waves.create(number=2, due_at=at, shares={str(variant.pk): 1.0})
    rest = assigned.eligible(campaign.experiment).filter(arm__name=REST)
    write_recipients(campaign, variant, rest, at=at, wave=2)
    send_part(campaign, wave=2, at=at)


def _words(found, how) -> dict:
    return {"how": how, "leader": asdict(found.leader), "against": [asdict(one) for one in found.against]}


# -- shares that move --------------------------------------------------------------------------------------------------


def next_part(campaign, *, at) -> bool:
    """Send the part that is due, shared by Thompson sampling over what the parts before it reached."""
    part = campaign.waves.filter(sent_at=None, due_at__lte=at).first()
    if part is None:
        return False
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    seen = goals.reached(campaign, until=at)
    part.shares = shares(seen, floor_percent=campaign.floor_percent, seed=[campaign.analysis_seed, part.number])
    part.seen = [asdict(one) for one in seen]
    part.save()
    write_part(campaign, variants, number=part.number, shares=part.shares, at=at)
    send_part(campaign, wave=part.number, at=at)
    return True


def shares(seen: list[winning.Reached], *, floor_percent: int, seed) -> dict[str, float]:
    """Variant's id → its share of the next part: the chance of being the best, and never less than the floor."""
    each = min(floor_percent / 100, 1 / len(seen))
    policy = HierarchicalThompson(np.zeros(len(seen), dtype=int), floor=each * len(seen))
    policy.seen.n = np.array([one.n for one in seen], dtype=float)
    policy.seen.total = np.array([one.total for one in seen])
    policy.seen.squares = np.array([one.squares for one in seen])
    row = policy.propensities(np.zeros((1, 1)), np.random.default_rng(seed))[0]
    return {str(one.variant_id): float(share) for one, share in zip(seen, row / row.sum(), strict=True)}


# -- the brake ---------------------------------------------------------------------------------------------------------


def brake(campaign, *, at) -> bool:
    """Pause a campaign from which surely more members take leave than the house allows; whether it was."""
    if campaign.guardrail_percent is None or campaign.decision.get("brake"):
        return False
    left, sent = goals.harmed(campaign)
    planned = campaign.audience_size or sent
    percent = float(campaign.guardrail_percent)
    if not winning.is_harmful(left, sent, percent_max=percent, share_of_plan=sent / max(planned, 1)):
        return False
    campaign.decision |= {"brake": {"harmed": left, "sent": sent, "percent": percent, "at": at.isoformat()}}
    campaign.save(update_fields=["decision"])
    pause(campaign=campaign, at=at)
    campaign.refresh_from_db()
    return True

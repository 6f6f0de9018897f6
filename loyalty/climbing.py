"""Where a member stands on the ladder, what keeps them there, and the way up: the rules of loyalty/tiers.py asked about a wallet."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import rules, sentences, tiers
from loyalty.models import Tier, Wallet


@dataclass(frozen=True)
class Way:
    """What is missing to a tier: `amounts` by criterion (points, spend_minor, visits), all of them or any one, by a day or for ever."""

    tier: Tier
    amounts: dict[str, int]
    needs_all: bool
    by: date | None
    currency: str

    @property
    def words(self) -> str:
        """“240 points” or “240 points or 3 visits”, in the reader's language."""
        parts = [self._part(name, amount) for name, amount in self.amounts.items()]
        return (_(" and ") if self.needs_all else _(" or ")).join(parts)

    @property
    def sentence(self) -> str:
        """“You need 240 more points by 31 March to reach Gold”, in the reader's language."""
        said = {"amount": self.words, "tier": self.tier.name}
        if self.by is None:
            return _("You need %(amount)s more for %(tier)s") % said
        return _("You need %(amount)s more by %(day)s for %(tier)s") % (
            said | {"day": date_format(self.by, "DATE_FORMAT")}
        )

    def _part(self, name: str, amount: int) -> str:
        if name == "spend_minor":
            return sentences.money(amount, self.currency)
        if name == "visits":
            return ngettext("%(n)d visit", "%(n)d visits", amount) % {"n": amount}
        if name == "credits":
            return ngettext("%(n)s tier credit", "%(n)s tier credits", amount) % {"n": f"{amount:,}"}
        return ngettext("%(n)s point", "%(n)s points", amount) % {"n": f"{amount:,}"}


@dataclass(frozen=True)
class TierProgress:
    """Where a member stands at a time.

    `missing` points to `next_tier` by `window_ends`; 0 on the highest step, and where the next tier asks for no points.
    `way` says it for every criterion. `keeps_until`: the tier is kept by grace until that day. `projected`: the tier that
    comes next if nothing more is bought, and when. `given`: held by invitation or membership, until when (None: open).
    """

    tier: Tier
    qualifying: int
    next_tier: Tier | None
    missing: int
    window_ends: date
    way: Way | None
    keeps_until: date | None
    to_keep: Way | None
    projected: tuple[Tier, date] | None
    is_given: bool
    given_until: datetime | None

    @property
    def sentences(self) -> list[str]:
        """What a member should read about their tier, in their language: the way up, what keeps it, what comes by itself."""
        said = [self.way.sentence] if self.way and self.way.amounts else []
        if self.keeps_until and self.to_keep:
            said.append(
                _("%(tier)s is yours until %(day)s. %(amount)s more keep it.")
                % {
                    "tier": self.tier.name,
                    "day": date_format(self.keeps_until, "DATE_FORMAT"),
                    "amount": self.to_keep.words,
                }
            )
        elif self.given_until:
            said.append(
                _("%(tier)s is yours until %(day)s.")
                % {"tier": self.tier.name, "day": date_format(self.given_until, "DATE_FORMAT")}
            )
        if self.projected:
            tier, day = self.projected
            said.append(
                _("If you buy nothing more, you are %(tier)s from %(day)s.")
                % {"tier": tier.name, "day": date_format(day, "DATE_FORMAT")}
            )
        return said


def ladder_of(wallet: Wallet | None) -> tiers.Ladder:
    """The ladder as it stands for one wallet."""
    known = rules.known()
    joined = 1
    if wallet is not None and wallet.member_id and any(s.counted_over == "anniversary" for s in known.steps):
        joined = wallet.member.joined_at.month
    return tiers.Ladder(known.steps, joined_month=joined, falls_one_step=known.falls_one_step)


def counts_of(wallet: Wallet | None, today: date) -> tiers.Counts:
    """What a wallet counted: its own row, and where the ladder asks for it older months and tier credits, a query each."""
    if wallet is None or wallet.qualifying_month is None:
        return tiers.Counts(tiers.first_of_month(today), (0,), (0,), (0,))
    counts = tiers.Counts(
        wallet.qualifying_month,
        tuple(wallet.qualifying_micropoints),
        tuple(wallet.qualifying_spend_minor or ()),
        tuple(wallet.qualifying_visits or ()),
        tuple(wallet.lifetime_qualifying or (0, 0, 0)),
    )
    steps = rules.known().steps
    kept = max((step.window_months for step in steps if step.counted_over == "rolling"), default=0)
    if kept > tiers.WINDOW_MONTHS:
        counts = _with_older(counts, wallet.pk, kept)
    return _with_credits(counts, wallet.pk) if any(step.credits_from for step in steps) else counts


def _with_older(counts: tiers.Counts, wallet_id: int, kept: int) -> tiers.Counts:
    """The months of a window longer than the wallet's own twelve, from the awards."""
    older = {
        tiers.months_between(month, counts.month): counted
        for month, *counted in _asked("SELECT * FROM loyalty_counted(loyalty_kin(%s::bigint))", wallet_id)
    }
    own = (counts.micropoints, counts.spend_minor, counts.visits)
    padded = [(of + (0,) * tiers.WINDOW_MONTHS)[: tiers.WINDOW_MONTHS] for of in own]
    long = [
        of + tuple(int(older.get(n, (0, 0, 0))[place]) for n in range(tiers.WINDOW_MONTHS, kept))
        for place, of in enumerate(padded)
    ]
    return replace(counts, micropoints=long[0], spend_minor=long[1], visits=long[2], kept=kept)


def _with_credits(counts: tiers.Counts, wallet_id: int) -> tiers.Counts:
    by_age = {
        tiers.months_between(month, counts.month): int(credits_)
        for month, credits_ in _asked("SELECT * FROM loyalty_credits_by_month(loyalty_kin(%s::bigint))", wallet_id)
    }
    in_months = tuple(by_age.get(n, 0) for n in range(counts.kept))
    return replace(counts, credits=in_months, lifetime_credits=sum(by_age.values()))


def _asked(query: str, wallet_id: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, [wallet_id])
        return cursor.fetchall()


def standing_of(wallet: Wallet | None) -> tiers.Standing:
    """What the wallet's row says, with codes instead of ids."""
    known = rules.known().tiers
    if wallet is None or wallet.tier_id is None:
        return tiers.Standing(next(iter(known.values())).code)
    granted = known[wallet.tier_granted_id].code if wallet.tier_granted_id else None
    until = wallet.tier_granted_until.date() if wallet.tier_granted_until else None
    return tiers.Standing(known[wallet.tier_id].code, wallet.tier_keeps_until, granted, until)


def progress_of(wallet: Wallet | None, *, today: date) -> TierProgress:
    """Everything about a wallet's tier on a day, whether or not the job has been there."""
    ladder, by_code = ladder_of(wallet), {tier.code: tier for tier in rules.known().tiers.values()}
    stored, counted = standing_of(wallet), counts_of(wallet, today)
    if stored.granted_until and stored.granted_until < today:
        stored = tiers.settled(replace(stored, granted=None), counted, ladder)
    standing, counts = tiers.aged(stored, counted, ladder, today=today)
    held = ladder.steps[ladder.place(standing.tier)]
    above = [step for step in ladder.steps[ladder.place(standing.tier) + 1 :] if step.how == "earned"]
    way = _way(above[0], counts, ladder, by_code) if above else None
    falls = tiers.projected(standing, counts, ladder)
    return TierProgress(
        tier=by_code[standing.tier],
        qualifying=counts.over(ladder.months(above[0] if above else held, counts.month))["points"],
        next_tier=way.tier if way else None,
        missing=way.amounts.get("points", 0) if way else 0,
        window_ends=(way and way.by) or tiers.last_of_month(today),
        way=way,
        keeps_until=standing.keeps_until,
        to_keep=_way(held, counts, ladder, by_code) if standing.keeps_until else None,
        projected=(by_code[falls[0]], falls[1]) if falls else None,
        is_given=standing.granted == standing.tier,
        given_until=wallet.tier_granted_until if wallet and standing.granted == standing.tier else None,
    )


def _way(step: tiers.Step, counts: tiers.Counts, ladder: tiers.Ladder, by_code: dict[str, Tier]) -> Way:
    short = tiers.missing(step, counts, ladder)
    return Way(
        by_code[step.code], short, step.must_meet_all, tiers.deadline(step, counts, ladder), rules.known().tier_currency
    )

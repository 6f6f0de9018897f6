"""What a member is collecting: stamps, streaks and challenges on their way, badges won, friends referred. It reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from loyalty import bonuses, rules, sentences
from loyalty.earning import NEVER, Term, period_of, step_of
from loyalty.models import Contribution, Referral, ReferralCode, RuleState, Wallet
from loyalty.operations.purchases import POINTS
from loyalty.queries import day_of, wallet_of

COLLECTED = ("stamps", "challenge", "streak", "visits")


@dataclass(frozen=True)
class Goal:
    """One thing on its way: `done` of `target` (of minor units if `is_money`), by `ends`; reached so many `times` already.

    `asked` and `gives` are words in the reader's language; `is_won`: nothing more can be reached before `ends`.
    """

    code: str
    kind: str
    name: str
    asked: str
    gives: str
    done: int
    target: int
    times: int
    is_money: bool
    is_won: bool
    ends: date | None

    @property
    def percent(self) -> int:
        return 100 if self.is_won else min(100, self.done * 100 // self.target)

    @property
    def left(self) -> int:
        return max(0, self.target - self.done)


@dataclass(frozen=True)
class Badge:
    """A badge the member holds, since the day of the act that won it."""

    code: str
    name: str
    rule: str
    won_on: date


@dataclass(frozen=True)
class Referred:
    """The member's own code, how many friends came by it, and how many of them were paid for."""

    code: str
    friends: int
    paid: int
    friend_gets: str
    referrer_gets: str


def goals(member_id: int, *, at: datetime) -> list[Goal]:
    """Stamps, challenges, streaks and visits of the rule set in force, in the order of its rules. Three queries at most."""
    terms = [term for term in _terms(at) if term.kind in COLLECTED]
    wallet = wallet_of(member_id)
    if not terms:
        return []
    states = {}
    if wallet is not None:
        states = {(state.term, state.period): state for state in RuleState.objects.filter(wallet=wallet)}
    cards = {term.rule for term in terms if term.code.endswith(".card")}
    runs = _runs(wallet, [term for term in terms if term.kind == "streak"], day_of(at)) if wallet else {}
    # Of a punch card the card is shown, not each of its stamps.
    shown = [term for term in terms if term.code.endswith(".card") or term.code not in cards]
    return [_goal(term, states, runs, at) for term in shown if not term.when.why_not_then(at, "") or term.when.stores]


def _terms(at: datetime) -> Iterable[Term]:
    try:
        return rules.known().live_at(at).terms
    except rules.NoRuleSet:
        return ()


def _goal(term: Term, states: dict, runs: dict, at: datetime) -> Goal:
    first, last = period_of(day_of(at), term.period)
    state = states.get((term.code, first))
    measure, units = (state.measure, state.units) if state else (0, 0)
    done, target = (runs.get(term.code, 0), term.every) if term.kind == "streak" else (measure % term.every, term.every)
    is_won = bool(term.times) and units >= term.times
    scale = 1000 if term.measure == "items" else 1
    if term.code.endswith(".card"):  # a card is told in stamps
        stamps = -term.gives["stamps"]
        done, target, scale = done * stamps // target, stamps, 1
    return Goal(
        code=term.rule, kind=term.kind, name=bonuses.rule_name_of(term), asked=bonuses.goal(term.as_stored()), gives=gives(term),
        done=(target if is_won else done) // scale, target=target // scale, times=units,
        is_money=term.measure == "spend" and not term.code.endswith(".card"), is_won=is_won,
        ends=last if last < NEVER else term.when.last_day,
    )  # fmt: skip


def _runs(wallet, terms: list[Term], today: date) -> dict[str, int]:
    """How many steps in a row stand up to now, counted since the last streak that was full."""
    if not terms:
        return {}
    found: dict[str, set[int]] = {term.code: set() for term in terms}
    least = {term.code: term.minimum for term in terms}
    told = Contribution.objects.filter(wallet=wallet, term__in=found).values_list("term", "step", "total_left")
    for code, step, left in told:
        if left >= least[code]:
            found[code].add(step)
    return {term.code: _run(found[term.code], step_of(today, term.unit)) % term.every for term in terms}


def _run(steps: set[int], now: int) -> int:
    """Consecutive steps that end now, or just before: the present one may still come."""
    last = now if now in steps else now - 1
    run = 0
    while last - run in steps:
        run += 1
    return run


def gives(term: Term) -> str:
    """What a term gives each time, in words."""
    parts = [bonuses.amount(amount, currency) for currency, amount in term.gives.items() if amount > 0]
    if term.badge:
        parts.append(bonuses.badge_name({"badge": term.badge, "badge_zh": term.badge_zh}))
    return sentences.listed(parts)


def beside_points(member_id: int, *, at: datetime) -> list[str]:
    """What the member has in other currencies than points, in words: “3 stamps”, “$1.20 cashback”. One query."""
    held = Wallet.objects.filter(member_id=member_id, available__gt=0).exclude(currency_id=POINTS)
    today, words = day_of(at), []
    for wallet in held.select_related("currency").order_by("currency_id"):
        lots = zip(wallet.lot_expires_on, wallet.lot_points, strict=True)
        if left := sum(points for last_day, points in lots if last_day >= today):
            words.append(bonuses.amount(left, wallet.currency.code))
    return words


def badges(member_id: int) -> list[Badge]:
    """Badges won and not lost again with a refund, the newest first."""
    wallet = wallet_of(member_id)
    held = RuleState.objects.filter(wallet=wallet, units__gt=0, terms__has_key="badge") if wallet else ()
    return sorted(
        (
            Badge(state.rule, bonuses.badge_name(state.terms), bonuses.rule_name(state.rule_set_id, state.term), day_of(state.changed_at))
            for state in held
        ),
        key=lambda badge: (badge.won_on, badge.code),
        reverse=True,
    )  # fmt: skip


def referred(member_id: int, *, at: datetime) -> Referred | None:
    """The member's referral code and what came of it; None while the programme has no referral rule.

    The code is empty until `operations.referral_code` has made it.
    """
    term = next((term for term in _terms(at) if term.kind == "referral"), None)
    if term is None:
        return None
    states = list(Referral.objects.filter(referrer_id=member_id).values_list("state", flat=True))
    code = ReferralCode.objects.filter(member_id=member_id).values_list("code", flat=True).first() or ""
    paid = states.count(Referral.State.PAID)
    to_referrer = [bonuses.amount(amount, currency) for currency, amount in term.gives_referrer.items()]
    return Referred(code, len(states), paid, gives(term), sentences.listed(to_referrer))

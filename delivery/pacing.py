"""How fast a way out may be used: buckets of tokens, the ramp of a new address, and when a way is too slow to be the first.

Plain rules. Times are arguments; what is stored and who asks is `delivery.transports`.
"""

from datetime import date, datetime, timedelta

SLOW_SHARE, SLOW_OF_AT_LEAST, WATCHED_MINUTES = 0.15, 20, 15
"""A way is too slow when so large a share of what it took in so many minutes was slow, if it took as many at least."""

LATE = timedelta(minutes=4)
"""A receipt that comes later than this after the hand-over is late."""

_FAMILIES = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "outlook.fr"),
    "yahoo": ("yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de"),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "tencent": ("qq.com", "foxmail.com", "vip.qq.com"),
    "netease": ("163.com", "126.com", "yeah.net"),
}
_OF_DOMAIN = {domain: family for family, domains in _FAMILIES.items() for domain in domains}
_OF_MX = {
    "google.com": "google", "googlemail.com": "google", "outlook.com": "microsoft", "hotmail.com": "microsoft",
    "yahoodns.net": "yahoo", "icloud.com": "apple", "qq.com": "tencent", "netease.com": "netease",
}  # fmt: skip


def family_of_domain(domain: str) -> str | None:
    """Who takes mail for a well-known domain; None: ask its MX hosts."""
    return _OF_DOMAIN.get(domain)


def family_of_mx(domain: str, hosts: list[str]) -> str:
    """Who runs the first of a domain's mail hosts; the domain itself where nobody known does."""
    for host in hosts:
        labels = host.rstrip(".").lower().split(".")
        for known, family in _OF_MX.items():
            if labels[-2:] == known.split("."):
                return family
    return domain


def refilled(tokens: float, *, filled_at: datetime, at: datetime, per_minute: int) -> float:
    """The tokens of a bucket now: it fills evenly and holds a minute's worth. A clock that went back adds nothing."""
    seconds = max(0.0, (at - filled_at).total_seconds())
    return min(float(per_minute), tokens + seconds * per_minute / 60)


def seconds_until(tokens: float, *, per_minute: int) -> float:
    """How long until a bucket holds a whole token."""
    return max(0.0, (1 - tokens) * 60 / per_minute)


def daily_quota(day: date, *, warm_up_from: date, start: int, percent: int) -> int:
    """What a new address may send on a day of its warm-up: so many on the first, and each day so many per cent of the last."""
    days = max(0, (day - warm_up_from).days)
    return int(start * (percent / 100) ** min(days, 200))


def is_too_slow(*, handed: int, slow: int) -> bool:
    return handed >= SLOW_OF_AT_LEAST and slow >= SLOW_SHARE * handed

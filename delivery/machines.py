"""Telling a reader from a machine that opens mail or follows links before anybody has read it.

A guess, kept beside the event and never used to decide what a member gets.
"""

import re

# Link scanners, previews and libraries name themselves. Apple's privacy proxy says exactly "Mozilla/5.0" and nothing more.
_NAMES = re.compile(
    r"bot\b|crawler|spider|preview|scanner|barracuda|mimecast|proofpoint|symantec|trendmicro|safelinks|existence discovery"
    r"|facebookexternalhit|slack|whatsapp|telegram|skypeuripreview|curl/|wget/|python|go-http-client|java/|okhttp|libwww|axios",
    re.IGNORECASE,
)
_SOONEST_S = 1.0


def is_machine(*, user_agent: str, seconds_since_sent: float | None, method: str = "GET") -> bool:
    """Whether a visit looks like a prefetch or a scanner: by its name, its method, or for coming within a second."""
    agent = user_agent.strip()
    if method != "GET" or not agent or agent == "Mozilla/5.0" or _NAMES.search(agent):
        return True
    return seconds_since_sent is not None and seconds_since_sent <= _SOONEST_S

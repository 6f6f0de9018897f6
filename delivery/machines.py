"""Telling a reader from a machine that opens mail or follows links before anybody has read it.

A guess, kept beside the event and never used to decide what a member gets.
"""

import ipaddress
import re

# Link scanners, previews and libraries name themselves. Apple's privacy proxy says exactly "Mozilla/5.0" and nothing more.
_NAMES = re.compile(
    r"bot\b|crawler|spider|preview|scanner|barracuda|mimecast|proofpoint|symantec|trendmicro|safelinks|existence discovery"
    r"|facebookexternalhit|slack|whatsapp|telegram|skypeuripreview|curl/|wget/|python|go-http-client|java/|okhttp|libwww|axios",
    re.IGNORECASE,
)
_SOONEST_S = 1.0
TRAP_HOURS = 1
"""From the network that followed the link nobody sees, no click on the same message within this time counts as a reader's."""
ALL_AT_ONCE, AT_ONCE_S = 3, 2
"""So many different links of one message from one network within so many seconds are a scanner's."""


def is_machine(*, user_agent: str, seconds_since_sent: float | None, method: str = "GET") -> bool:
    """Whether a visit looks like a prefetch or a scanner: by its name, its method, or for coming within a second."""
    agent = user_agent.strip()
    if method != "GET" or not agent or agent == "Mozilla/5.0" or _NAMES.search(agent):
        return True
    return seconds_since_sent is not None and seconds_since_sent <= _SOONEST_S


def network_of(address: str) -> str:
    """The network of an address: the first three numbers of IPv4, the first 48 bits of IPv6; empty for anything else."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))

"""Reading a refusal: is the address wrong for good, or was this one message not wanted?"""

import re

# RFC 3463: 5.1.x speaks of the address itself. 5.2.1 is a mailbox that was switched off, 5.4.4 a domain without a host.
_BAD_ADDRESS = re.compile(r"\b5\.(1\.(0|1|2|3|6|10)|2\.1|4\.4)\b")
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
_NOBODY = re.compile(
    r"(user|mailbox|recipient|address)\b.{0,30}\b(unknown|not found|does not exist|invalid|disabled)|no such user",
    re.IGNORECASE,
)


def is_hard(detail: str) -> bool:
    """Whether a 5xx answer says that the address will never work. Refusals of content or policy are not hard."""
    if _ENHANCED.search(detail):
        return bool(_BAD_ADDRESS.search(detail))
    return bool(_NOBODY.search(detail))

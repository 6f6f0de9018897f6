"""What an e-mail is made of. Each block gives MJML for the HTML part and lines for the text part, and names no neighbour.

Text an author writes is Liquid; it is hidden (`look.vault`) before any HTML tool touches it. In the text part an address
is written as `look.address(url)`, so that it can be tracked like its twin in the HTML.
"""

from emails.blocks.base import ADDRESS_MARKS, CLOSED, EmailBlock, LinkBlock, Look
from emails.blocks.body import BodyBlock

__all__ = ["ADDRESS_MARKS", "CLOSED", "BodyBlock", "EmailBlock", "LinkBlock", "Look"]

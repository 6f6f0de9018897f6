"""Pictures drawn for one message."""

import io

import segno

SCALE, BORDER = 8, 2  # pixels a module, and modules of quiet around: 160 points on a screen of double density


def qr_png(text: str) -> bytes:
    """A QR code of a text, readable from a phone held to a scanner (error correction M)."""
    out = io.BytesIO()
    segno.make(text.replace("-", ""), error="m", micro=False).save(out, kind="png", scale=SCALE, border=BORDER)
    return out.getvalue()

"""The shop behind every e-mail: its name, colours, addresses. Another shop sets its own in the admin."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Brand:
    """What blocks need to look like one shop. Colours are #rrggbb; the accent must carry dark text."""

    name: str
    tagline: str
    shop_url: str
    postal_address: str
    primary: str
    accent: str
    paper: str
    logo_url: str = ""  # absolute; empty: the name is set in type

    @property
    def initial(self) -> str:
        return self.name[:1]


def current(*, site_url: str) -> Brand:
    """The brand as it is set now, with its logo as an absolute address."""
    from emails.models import BrandSettings  # late: models import blocks, blocks import this

    return BrandSettings.load().as_brand(site_url=site_url)

"""The shop behind every e-mail: its name, colours, letters, addresses. Another shop sets its own in the admin."""

from dataclasses import dataclass

from emails import contrast

FONTS = {
    "system": "-apple-system,BlinkMacSystemFont,'Segoe UI',Helvetica,Arial,'PingFang SC','Microsoft YaHei',sans-serif",
    "humanist": "'Gill Sans',Optima,Candara,Verdana,'PingFang SC','Microsoft YaHei',sans-serif",
    "serif": "Georgia,'Times New Roman','Songti SC','Noto Serif CJK SC',serif",
    "rounded": "'Trebuchet MS','Lucida Grande','Lucida Sans Unicode','Yuanti SC','Microsoft YaHei',sans-serif",
    "mono": "Menlo,Consolas,'Courier New','PingFang SC','Microsoft YaHei',monospace",
}
"""Only letters that readers have: a mail that waits for a font to load is read without it."""


@dataclass(frozen=True)
class Brand:
    """What blocks need to look like one shop. Colours are #rrggbb."""

    name: str
    tagline: str
    shop_url: str
    postal_address: str
    primary: str
    accent: str
    paper: str
    logo_url: str = ""  # absolute; empty: the name is set in type
    heading_font: str = "serif"
    text_font: str = "system"
    has_dark: bool = True  # whether dark mode gets colours of its own
    dark_paper: str = "#121a16"
    dark_card: str = "#1b2620"
    dark_primary: str = "#17452f"
    dark_logo_url: str = ""
    social: tuple[tuple[str, str], ...] = ()  # (name, address)

    @property
    def initial(self) -> str:
        return self.name[:1]

    @property
    def heading_family(self) -> str:
        return FONTS.get(self.heading_font, FONTS["serif"])

    @property
    def text_family(self) -> str:
        return FONTS.get(self.text_font, FONTS["system"])

    @property
    def primary_ink(self) -> str:
        """Letters on the brand's colour."""
        return contrast.ink_on(self.primary)

    @property
    def accent_ink(self) -> str:
        return contrast.ink_on(self.accent, dark="#2b2008")

    @property
    def link(self) -> str:
        """The brand's colour, as dark as letters on white and on paper must be."""
        return contrast.readable_on(self.primary, "#ffffff", self.paper)

    @property
    def dark_link(self) -> str:
        return contrast.readable_on(self.primary, self.dark_card, self.dark_paper, self.dark_panel)

    @property
    def dark_panel(self) -> str:
        """A raised field on a dark card."""
        return contrast.mixed(self.dark_card, "#ffffff", 0.05)


def current(*, site_url: str) -> Brand:
    """The brand as it is set now, with its logo as an absolute address."""
    from emails.models import BrandSettings  # late: models import blocks, blocks import this

    return BrandSettings.load().as_brand(site_url=site_url)

"""What e-mail clients that know dark mode are told. Everything else is written on the tags themselves."""

from emails import contrast

ROOT = ":root { color-scheme: light dark; supported-color-schemes: light dark; }\n"
ROOT_LIGHT = ":root { color-scheme: light only; supported-color-schemes: light only; }\n"
PHONE = "@media (max-width:479px) { .hero h1 { font-size:28px !important; } }\n"
LOGO = ".logo-dark { display:none; }\n"
DARK_QUERY = "@media (prefers-color-scheme: dark)"
INK, MUTED = "#e9efe9", "#a8b6ad"


def _dark_rules(brand) -> dict[str, str]:
    track = contrast.mixed(brand.dark_card, "#ffffff", 0.15)
    card = f"background:{brand.dark_card} !important; background-color:{brand.dark_card} !important;"
    hero = f"background:{brand.dark_primary} !important; background-color:{brand.dark_primary} !important;"
    rules = {
        ".paper, body": f"background:{brand.dark_paper} !important;",
        ".card, .card > table, .foot": card,
        ".foot, .foot > table": "background:transparent !important;",
        ".hero, .hero > table": hero,
        ".on-primary div, .on-primary h1": f"color:{contrast.ink_on(brand.dark_primary)} !important;",
        ".ink, .ink div, .ink h2, .ink p, .ink li, .ink a.ink, a.ink, span.ink": f"color:{INK} !important;",
        ".muted, .muted div": f"color:{MUTED} !important;",
        ".brand, a.link": f"color:{brand.dark_link} !important; border-color:{brand.dark_link} !important;",
        ".panel, .tile": f"background:{brand.dark_panel} !important;",
        ".panel .ink": f"color:{INK} !important;",
        ".track": f"background:{track} !important;",
        ".btn a, .btn td": f"background:{brand.dark_link} !important; color:{contrast.ink_on(brand.dark_link)} !important;",
    }
    if brand.dark_logo_url:
        rules |= {".logo": "display:none !important;", ".logo-dark": "display:table-row !important;"}
    return rules


def _rules(brand, prefix: str = "") -> str:
    return "".join(
        ", ".join(f"{prefix}{selector.strip()}" for selector in selectors.split(",")) + " { " + style + " }\n"
        for selectors, style in _dark_rules(brand).items()
    )


def style_sheet(brand) -> str:
    """The head's style for one brand: how it looks on a phone and, where the brand says so, in the dark."""
    if not brand.has_dark:
        return ROOT_LIGHT + PHONE + LOGO
    return ROOT + PHONE + LOGO + DARK_QUERY + " {\n" + _rules(brand) + "}\n" + _rules(brand, "[data-ogsc] ")

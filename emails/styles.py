"""What e-mail clients that know dark mode are told. Everything else is written on the tags themselves."""

_DARK_RULES = {
    ".paper, body": "background:#121a16 !important;",
    ".card, .card > table, .foot": "background:#1b2620 !important; background-color:#1b2620 !important;",
    ".foot, .foot > table": "background:transparent !important;",
    ".hero, .hero > table": "background:#17452f !important; background-color:#17452f !important;",
    ".ink, .ink div, .ink h2, .ink p, .ink li, .ink a.ink, a.ink, span.ink": "color:#e9efe9 !important;",
    ".muted, .muted div": "color:#a8b6ad !important;",
    ".brand, a.link": "color:$primary !important;",
    ".panel, .tile": "background:#26332c !important;",
    ".panel .ink": "color:#e9efe9 !important;",
    ".track": "background:#3a4941 !important;",
    ".btn a, .btn td": "background:$primary !important; color:#10201a !important;",
}


def _rules(prefix: str = "") -> str:
    return "".join(
        ", ".join(f"{prefix}{selector.strip()}" for selector in selectors.split(",")) + " { " + style + " }\n"
        for selectors, style in _DARK_RULES.items()
    )


ROOT = ":root { color-scheme: light dark; supported-color-schemes: light dark; }\n"
PHONE = "@media (max-width:479px) { .hero h1 { font-size:28px !important; } }\n"
DARK_QUERY = "@media (prefers-color-scheme: dark)"
DARK = ROOT + PHONE + DARK_QUERY + " {\n" + _rules() + "}\n"
OUTLOOK_DARK = _rules("[data-ogsc] ").replace("$primary", "#9ad0b4")

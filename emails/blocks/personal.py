"""Blocks that say something else to each member. They name fields; the values come with the message.

What a block shows when a value is missing is written by its author: `fallback`, which is never empty.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail import blocks

from care import surveying
from emails import enclosures
from emails.blocks.base import (
    BUTTON_HELP,
    CLOSED,
    EmailBlock,
    LinkBlock,
    PickBlock,
    button,
    button_lines,
    heading,
    liquid_char,
    panel,
    raw,
)


class OffersBlock(EmailBlock):
    """What the recommender chose for this member in one slot; words of the author's where it chose nothing."""

    padding = "0 0 8px"

    slot = blocks.ChoiceBlock(
        choices=[("buy_again", gettext_lazy("Buy again")), ("new_for_you", gettext_lazy("New for you"))],
        default="buy_again",
        label=gettext_lazy("Offers"),
    )
    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    fallback = blocks.TextBlock(
        label=gettext_lazy("Text when there are no offers"),
        help_text=gettext_lazy("A member without offers reads this instead, under the same heading."),
    )

    class Meta:
        icon = "pick"
        label = gettext_lazy("Offers")

    def inner(self, value, look):
        hide = look.vault.hide
        slot = value["slot"]
        name = f'class="ink" style="color:#22302a;font-size:17px;font-weight:700;text-decoration:none;">\n{hide("{{ offer.name }}")}\n'
        row = (
            # Values stand on lines of their own: what is around them is then encoded once for all members.
            f'<tr>\n<td width="72" valign="top" style="padding:12px 0;">\n{hide("{% if offer.icon_url != blank %}")}<img src="'
            f'{hide("{{ offer.icon_url }}")}" alt="" width="56" height="56" class="tile" style="display:block;width:56px;height:56px;'
            f'border-radius:12px;background:{look.brand.paper};">\n{hide("{% endif %}")}</td>\n'
            f'<td valign="top" style="padding:12px 0;font-family:{look.sans};line-height:1.4;">\n{hide("{% if offer.url != blank %}")}'
            f'<a href="{hide("{{ offer.url }}")}" {name}</a>\n{hide("{% else %}")}<span {name}</span>\n{hide("{% endif %}")}'
            f'<div class="muted" style="color:#5b6a62;font-size:14px;">\n{hide("{{ offer.reason }}")}\n</div>\n'
            f'{hide("{% if offer.benefit != blank %}")}<div style="padding-top:6px;">\n<span class="pill" style="display:inline-block;'
            f"background:{look.brand.accent};color:{look.brand.accent_ink};font-size:13px;font-weight:700;line-height:1.3;padding:3px 10px;"
            f'border-radius:12px;">\n{hide("{{ offer.benefit }}")}\n</span></div>\n{hide("{% endif %}")}</td>\n</tr>\n'
        )
        empty = f'<tr>\n<td class="muted" style="padding:8px 0;font-family:{look.sans};font-size:15px;line-height:1.55;color:#5b6a62;">{look.text(value["fallback"])}</td>\n</tr>\n'
        loop = "{% for offer in " + slot + " %}"
        table = f'<mj-table padding="0 32px 12px" cellpadding="0" cellspacing="0" width="100%">\n{hide(loop)}{row}{hide("{% else %}")}{empty}{hide("{% endfor %}")}</mj-table>'
        return heading(look, value.get("heading")) + table

    def lines(self, value, look):
        link = look.address("{{ offer.url }}")
        loop = (
            "{% for offer in " + value["slot"] + " %}"
            "- {{ offer.name }}{% if offer.benefit != blank %} ({{ offer.benefit }}){% endif %}\n"
            "{% if offer.reason != blank %}  {{ offer.reason }}\n{% endif %}"
            "{% if offer.url != blank %}  " + link + "\n{% endif %}"
            "{% else %}" + value["fallback"].strip() + "\n{% endfor %}"
        )
        title = value["heading"] + "\n" if value.get("heading") else ""
        return [title + loop + CLOSED]


def tier_of(look) -> str:
    """The member's tier, and how far the next one is; nothing for what is not known."""
    hide = look.vault.hide
    chip = (
        f'{hide("{% if tier != blank %}")}<div style="padding-top:8px;"><span class="chip" style="display:inline-block;background:{look.brand.primary};color:{look.brand.primary_ink};font-size:13px;font-weight:700;'
        f'padding:3px 12px;border-radius:12px;">\n{hide("{{ tier }}")}\n</span></div>\n{hide("{% endif %}")}'
    )
    bar = (
        f'{hide("{% if next_tier != blank and points_to_next_tier > 0 %}")}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:14px 0 6px;">'
        f'<tr><td class="track" style="background:#ddd6c6;border-radius:6px;font-size:0;line-height:0;" height="8">'
        f'<div class="bar" style="background:{look.brand.accent};border-radius:6px;height:8px;width:{hide("{{ tier_progress | default: 0 }}")}%;font-size:0;line-height:0;">&nbsp;</div></td></tr></table>\n'
        f'<div class="muted" style="font-size:14px;color:#5b6a62;">{look.text(_progress_source())}</div>\n{hide("{% endif %}")}'
    )
    return chip + bar


def _progress_source():
    return _("%(points)s more points to %(tier)s") % {
        "points": "{{ points_to_next_tier | number }}",
        "tier": "{{ next_tier }}",
    }


def _expiry_words():
    return _("%(points)s points expire on %(day)s") % {
        "points": "{{ expiring_points | number }}",
        "day": "{{ expiring_on }}",
    }


def expiry_of(look) -> str:
    """What expires next; nothing where nothing does."""
    hide = look.vault.hide
    return (
        f'{hide("{% if expiring_points > 0 and expiring_on != blank %}")}<div class="ink" style="font-size:14px;padding-top:10px;color:#22302a;">'
        f"{look.text(_expiry_words())}</div>\n{hide('{% endif %}')}"
    )


class PointsBlock(EmailBlock):
    """The member's balance, tier, way to the next tier, and what expires next."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    shows_tier = blocks.BooleanBlock(required=False, default=True, label=gettext_lazy("Show tier and progress"))
    shows_expiry = blocks.BooleanBlock(required=False, default=True, label=gettext_lazy("Show points that expire"))

    class Meta:
        icon = "success"
        label = gettext_lazy("Points balance")

    def inner(self, value, look):
        hide = look.vault.hide
        title = (
            f'<div class="muted" style="font-size:14px;color:#5b6a62;padding-bottom:4px;">{look.text(value["heading"])}</div>'
            if value.get("heading")
            else ""
        )
        number = (
            f'<div class="ink" style="font-family:{look.serif};font-size:44px;line-height:1.1;color:{look.brand.link};">{hide("{{ points | default: 0 | number }}")}\n'
            f'<span style="font-family:{look.sans};font-size:16px;">{_("points")}</span></div>'
        )
        return panel(
            look,
            f"{title}\n{number}\n{tier_of(look) if value.get('shows_tier') else ''}{expiry_of(look) if value.get('shows_expiry') else ''}",
        )

    def lines(self, value, look):
        rows = f"{value['heading']}\n" if value.get("heading") else ""
        rows += "{{ points | default: 0 | number }} " + _("points")
        if value.get("shows_tier"):
            rows += " {% if tier != blank %}· {{ tier }}{% endif %}\n"
            words = _progress_source()
            rows += "{% if next_tier != blank and points_to_next_tier > 0 %}" + words + "\n{% endif %}"
        else:
            rows += "\n"
        if value.get("shows_expiry"):
            rows += "{% if expiring_points > 0 and expiring_on != blank %}" + _expiry_words() + "\n{% endif %}"
        return [rows + CLOSED]


class TierBlock(EmailBlock):
    """The member's tier and the way to the next; words of the author's for who has reached the top or has none."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    fallback = blocks.TextBlock(
        label=gettext_lazy("Text when there is no next tier"),
        help_text=gettext_lazy("Who stands on the highest tier reads this below its name."),
    )

    class Meta:
        icon = "order-up"
        label = gettext_lazy("Tier progress")

    def inner(self, value, look):
        hide = look.vault.hide
        title = f'<div class="muted" style="font-size:14px;color:#5b6a62;">{look.text(value.get("heading"))}</div>\n'
        top = (
            f'{hide("{% if next_tier == blank or points_to_next_tier <= 0 %}")}<div class="ink" style="font-size:15px;padding-top:8px;color:#22302a;">'
            f"{look.text(value['fallback'])}</div>\n{hide('{% endif %}')}"
        )
        return panel(look, f"{title if value.get('heading') else ''}{tier_of(look)}{top}")

    def lines(self, value, look):
        title = f"{value['heading']}\n" if value.get("heading") else ""
        return [
            (
                f"{title}{{% if tier != blank %}}{{{{ tier }}}}\n{{% endif %}}{{% if next_tier != blank and points_to_next_tier > 0 %}}"
                f"{_progress_source()}\n{{% else %}}{value['fallback'].strip()}\n{{% endif %}}{CLOSED}"
            )
        ]


class ExpiringBlock(EmailBlock):
    """How many points expire next and when; words of the author's for who loses none."""

    heading = liquid_char(required=False, label=gettext_lazy("Heading"))
    fallback = blocks.TextBlock(
        label=gettext_lazy("Text when nothing expires"),
        help_text=gettext_lazy("A member whose points do not expire soon reads this instead."),
    )
    button_text = liquid_char(required=False, label=gettext_lazy("Button"))
    button_url = LinkBlock(required=False, label=gettext_lazy("Button leads to"), help_text=BUTTON_HELP)

    class Meta:
        icon = "calendar-alt"
        label = gettext_lazy("Expiring points")

    def inner(self, value, look):
        hide = look.vault.hide
        title = f'<div class="muted" style="font-size:14px;color:#5b6a62;padding-bottom:4px;">{look.text(value.get("heading"))}</div>\n'
        told = (
            f'{hide("{% if expiring_points > 0 and expiring_on != blank %}")}<div class="ink" style="font-family:{look.serif};font-size:24px;line-height:1.3;color:#22302a;">\n'
            f"{look.text(_expiry_words())}\n</div>\n{hide('{% else %}')}"
            f'<div class="ink" style="font-size:16px;color:#22302a;">{look.text(value["fallback"])}</div>\n{hide("{% endif %}")}'
        )
        act = button(look, value["button_text"], value["button_url"]) if value.get("button_text") else ""
        return panel(look, f"{title if value.get('heading') else ''}{told}") + act

    def lines(self, value, look):
        title = f"{value['heading']}\n" if value.get("heading") else ""
        told = (
            f"{title}{{% if expiring_points > 0 and expiring_on != blank %}}{_expiry_words()}\n"
            f"{{% else %}}{value['fallback'].strip()}\n{{% endif %}}{CLOSED}"
        )
        return [told, *button_lines(value, look)]


class VoucherBlock(EmailBlock):
    """A code of the member's own out of a pool, with a QR code for the till. The code is put in at the moment of sending."""

    pool = PickBlock(choices=enclosures.pools, label=gettext_lazy("Pool of codes"))
    heading = liquid_char(label=gettext_lazy("Heading"))
    text = blocks.TextBlock(required=False, label=gettext_lazy("Terms"))
    shows_qr = blocks.BooleanBlock(required=False, default=True, label=gettext_lazy("Show a QR code for the till"))
    fallback = blocks.TextBlock(
        label=gettext_lazy("Text when there is no code"),
        help_text=gettext_lazy("A member who gets none, because the pool is empty, reads this instead."),
    )

    class Meta:
        icon = "key"
        label = gettext_lazy("Voucher code")

    def inner(self, value, look):
        hide = look.vault.hide
        until = look.text(_("Valid until %(day)s") % {"day": "{{ voucher_until }}"})
        small = f"{look.text(value['text'])}<br>" if value.get("text") else ""
        image = (
            f'<img src="{hide("{{ click_base }}")}qr.png" alt="{hide("{{ voucher_code }}")}" width="160" height="160" '
            'style="display:block;margin:8px auto;width:160px;height:160px;background:#ffffff;border:8px solid #ffffff;border-radius:8px;">\n'
            if value.get("shows_qr")
            else ""
        )
        code = (
            f'<div class="ink" style="font-family:ui-monospace,Menlo,Consolas,monospace;font-size:22px;letter-spacing:2px;padding:8px 0;color:#22302a;word-break:break-all;">\n'
            f"{hide('{{ voucher_code }}')}\n</div>\n"
        )
        given = (
            f'<div align="center" style="text-align:center;">\n<div class="ink" style="font-size:18px;font-weight:700;color:#22302a;">{look.text(value["heading"])}</div>\n'
            f"{hide('{% if voucher_name != blank %}')}"
            f'<div class="ink" style="font-size:16px;color:#22302a;">\n{hide("{{ voucher_name }}")}\n</div>\n{hide("{% endif %}")}'
            f'{image}{code}<div class="muted" style="font-size:14px;color:#5b6a62;">{small}{hide("{% if voucher_until != blank %}")}\n{until}\n{hide("{% endif %}")}</div>\n</div>\n'
        )
        none = f'<div class="ink" style="font-size:16px;color:#22302a;">{look.text(value["fallback"])}</div>\n'
        return panel(
            look, f"{hide('{% if voucher_code != blank %}')}{given}{hide('{% else %}')}{none}{hide('{% endif %}')}"
        )

    def lines(self, value, look):
        until = _("Valid until %(day)s") % {"day": "{{ voucher_until }}"}
        terms = f"{value['text'].strip()}\n" if value.get("text") else ""
        return [
            (
                f"{{% if voucher_code != blank %}}{value['heading']}\n{{% if voucher_name != blank %}}{{{{ voucher_name }}}}\n{{% endif %}}"
                f"{_('Code')}: {{{{ voucher_code }}}}\n{terms}{{% if voucher_until != blank %}}{until}\n{{% endif %}}"
                f"{{% else %}}{value['fallback'].strip()}\n{{% endif %}}{CLOSED}"
            )
        ]


class SurveyBlock(EmailBlock):
    """One question, answered by one tap on a number. Who is not asked this time, because they were asked lately, sees nothing."""

    survey = PickBlock(choices=enclosures.surveys, label=gettext_lazy("Survey"))
    question = liquid_char(label=gettext_lazy("Question"))
    low_label = liquid_char(required=False, label=gettext_lazy("Beside the lowest number"))
    high_label = liquid_char(required=False, label=gettext_lazy("Beside the highest number"))

    class Meta:
        icon = "form"
        label = gettext_lazy("Survey question")

    @staticmethod
    def _scores(value):
        kind = value["survey"].partition(":")[2]
        return range(surveying.LOWEST[kind], surveying.TOP[kind] + 1) if kind in surveying.TOP else range(0)

    def inner(self, value, look):
        hide = look.vault.hide
        style = (
            f"display:inline-block;min-width:20px;padding:10px 8px;margin:3px 1px;border-radius:10px;border:2px solid {look.brand.link};"
            f"color:{look.brand.link};font-weight:700;text-align:center;text-decoration:none;"
        )
        scores = "".join(
            f'<a href="{hide("{{ survey_url }}")}?score={score}" class="link score" style="{style}">{score}</a>\n'
            for score in self._scores(value)
        )
        ends = " · ".join(look.text(value[end]) for end in ("low_label", "high_label") if value.get(end))
        asked = (
            f'<div class="ink" style="font-family:{look.serif};font-size:22px;line-height:1.3;padding-bottom:10px;color:#22302a;">{look.text(value["question"])}</div>\n'
            f'<div style="font-size:15px;line-height:1.5;">\n{scores}</div>\n'
            + (
                f'<div class="muted" style="font-size:14px;color:#5b6a62;padding-top:6px;">{ends}</div>\n'
                if ends
                else ""
            )
        )
        return panel(look, asked)

    def mjml(self, value, look):
        """The whole section is there or not: no empty field is left where nothing is asked."""
        return raw("{% if survey_url != blank %}", look) + super().mjml(value, look) + raw("{% endif %}", look)

    def lines(self, value, look):
        scores = "".join(
            f"{score}: {look.address(f'{{{{ survey_url }}}}?score={score}')}\n" for score in self._scores(value)
        )
        return [f"{{% if survey_url != blank %}}{value['question']}\n{scores}{{% endif %}}{CLOSED}"]

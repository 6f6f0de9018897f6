"""The blocks an e-mail may hold, and the one that shows others only to some."""

from django.utils.translation import gettext_lazy
from wagtail import blocks
from wagtail.admin.telepath import register
from wagtail.blocks.stream_block import StreamBlockAdapter

from emails import enclosures
from emails.blocks.base import CLOSED, EmailBlock, PickBlock, raw
from emails.blocks.content import (
    ButtonBlock,
    ColumnsBlock,
    CouponBlock,
    DividerBlock,
    FooterBlock,
    HeroBlock,
    ImageBlock,
    ProductsBlock,
    RawMjmlBlock,
    SocialBlock,
    TextBlock,
)
from emails.blocks.personal import (
    ExpiringBlock,
    OffersBlock,
    PointsBlock,
    SurveyBlock,
    TierBlock,
    VoucherBlock,
)
from members import modules

ALWAYS, FOR_MEMBER, SPECIAL = gettext_lazy("For everybody"), gettext_lazy("About the member"), gettext_lazy("Special")


class PartsBlock(blocks.StreamBlock):
    """Everything but the condition itself and the footer."""

    hero = HeroBlock(group=ALWAYS)
    text = TextBlock(group=ALWAYS)
    image = ImageBlock(group=ALWAYS)
    button = ButtonBlock(group=ALWAYS)
    columns = ColumnsBlock(group=ALWAYS)
    divider = DividerBlock(group=ALWAYS)
    products = ProductsBlock(group=ALWAYS)
    coupon = CouponBlock(group=ALWAYS)
    social = SocialBlock(group=ALWAYS)
    offers = OffersBlock(group=FOR_MEMBER)
    points = PointsBlock(group=FOR_MEMBER)
    tier = TierBlock(group=FOR_MEMBER)
    expiring = ExpiringBlock(group=FOR_MEMBER)
    voucher = VoucherBlock(group=FOR_MEMBER)
    survey = SurveyBlock(group=FOR_MEMBER)
    mjml = RawMjmlBlock(group=SPECIAL)


class OtherwiseBlock(PartsBlock):
    class Meta:
        required = False


class ConditionBlock(EmailBlock):
    """Parts for the members of an audience, and others for the rest. Whether a member is in it is asked when the campaign is planned."""

    audience = PickBlock(choices=enclosures.audiences, label=gettext_lazy("Audience"))
    content = PartsBlock(label=gettext_lazy("What its members read"), min_num=1)
    otherwise = OtherwiseBlock(required=False, label=gettext_lazy("What everybody else reads"))

    class Meta:
        icon = "view"
        label = gettext_lazy("Only for an audience")

    def _asked(self, value):
        return "{% if " + enclosures.flag(value["audience"]) + " %}"

    def mjml(self, value, look):
        shown, hidden = (
            "".join(child.block.mjml(child.value, look) for child in value.get(part) or ())
            for part in ("content", "otherwise")
        )
        otherwise = raw("{% else %}", look) + hidden if hidden else ""
        return raw(self._asked(value), look) + shown + otherwise + raw("{% endif %}", look)

    def lines(self, value, look):
        shown, hidden = (
            "\n\n".join(line for child in value.get(part) or () for line in child.block.lines(child.value, look))
            for part in ("content", "otherwise")
        )
        otherwise = f"{{% else %}}{hidden}\n" if hidden else ""
        return [f"{self._asked(value)}{shown}\n{otherwise}{{% endif %}}{CLOSED}"]


class BodyBlock(PartsBlock):
    condition = ConditionBlock(group=SPECIAL)
    footer = FooterBlock(group=SPECIAL)

    class Meta:
        block_counts = {"footer": {"max_num": 1}}


NEEDS = {"survey": "surveys", "offers": "offers"}
"""Block → the module without which it says nothing."""


class PartsAdapter(StreamBlockAdapter):
    """What the editor's chooser offers: no block of a module that is switched off. Those that stand in a message stay."""

    def js_args(self, block):
        name, children, states, meta = super().js_args(block)
        hidden = {code: {"max_num": 0} for code, module in NEEDS.items() if not modules.is_on(module)}
        return [name, children, states, meta | {"blockCounts": meta["blockCounts"] | hidden}]


register(PartsAdapter(), PartsBlock)

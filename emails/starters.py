"""Ready e-mails to start from, in English and Chinese: nobody should begin with an empty page."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from wagtail.models import Locale

from emails.models import EmailTemplate


@dataclass(frozen=True)
class Words:
    """One language's version of a starter: its lines, and its blocks as a StreamField stores them."""

    subject: str
    preheader: str
    blocks: tuple[tuple[str, dict], ...]


WIN_BACK = {
    "en": Words(
        subject='{{ given_name | default: "Hello" }}, your favourites are waiting',
        preheader="Offers picked for you, and {{ points | default: 0 | number }} points to spend",
        blocks=(
            (
                "hero",
                {
                    "heading": 'We kept your favourites, {{ given_name | default: "friend" }}',
                    "text": "It has been a while. Here is what you usually take home, with a little extra on top.",
                    "button_text": "See all my offers",
                    "button_url": "{{ portal_url }}offers/",
                },
            ),
            ("points", {"heading": "Your balance", "shows_tier": True, "shows_expiry": True}),
            (
                "offers",
                {
                    "slot": "buy_again",
                    "heading": "Buy again",
                    "fallback": "Come by and see what is fresh this week: your points count on everything in the basket.",
                },
            ),
            (
                "offers",
                {
                    "slot": "new_for_you",
                    "heading": "New for you",
                    "fallback": "Ask at the counter what is new; there is always something to taste.",
                },
            ),
            ("divider", {}),
            (
                "text",
                {
                    "text": "<p>The offers are on your card already. Show it at the till, or say your phone number, "
                    "and they apply by themselves.</p><p>See you soon,<br/>the team of {{ shop_name }}</p>",
                },
            ),
            (
                "footer",
                {
                    "why": "You get this e-mail because you are a member of {{ shop_name }} and said yes to offers by e-mail."
                },
            ),
        ),
    ),
    "zh-hans": Words(
        subject='{{ given_name | default: "您好" }}，您常买的都在等您',
        preheader="为您挑选的优惠，还有 {{ points | default: 0 | number }} 积分可用",
        blocks=(
            (
                "hero",
                {
                    "heading": '{{ given_name | default: "朋友" }}，您爱买的我们都备好了',
                    "text": "好久不见。这些是您平时常买的商品，这次再多送您一点心意。",
                    "button_text": "查看我的全部优惠",
                    "button_url": "{{ portal_url }}offers/",
                },
            ),
            ("points", {"heading": "您的积分", "shows_tier": True, "shows_expiry": True}),
            (
                "offers",
                {
                    "slot": "buy_again",
                    "heading": "再来一份",
                    "fallback": "欢迎来看看本周的新鲜好货，购物篮里的每件商品都能积分。",
                },
            ),
            (
                "offers",
                {"slot": "new_for_you", "heading": "为您推荐", "fallback": "到柜台问问有什么新品，总有可以尝一尝的。"},
            ),
            ("divider", {}),
            (
                "text",
                {
                    "text": "<p>优惠已经放进您的会员卡。结账时出示会员卡或报手机号，即可自动享用。</p>"
                    "<p>期待与您再见，<br/>{{ shop_name }} 全体员工</p>",
                },
            ),
            ("footer", {"why": "您收到这封邮件，是因为您是 {{ shop_name }} 的会员，并同意通过邮件接收优惠信息。"}),
        ),
    ),
}
WELCOME = {
    "en": Words(
        subject='Welcome, {{ given_name | default: "friend" }}: your first offers',
        preheader="Offers picked for you, ready on your card",
        blocks=(
            (
                "hero",
                {
                    "heading": 'Good to have you, {{ given_name | default: "friend" }}',
                    "text": "Your card is ready. Every purchase earns points, and here is something to begin with.",
                    "button_text": "Open my card",
                    "button_url": "{{ portal_url }}",
                },
            ),
            (
                "offers",
                {
                    "slot": "new_for_you",
                    "heading": "Your first offers",
                    "fallback": "Shop once with your card, and offers of your own follow.",
                },
            ),
            (
                "offers",
                {
                    "slot": "buy_again",
                    "heading": "Buy again",
                    "fallback": "What you like best will stand here after your first visits.",
                },
            ),
            ("points", {"heading": "Your points", "shows_tier": True, "shows_expiry": False}),
            (
                "footer",
                {"why": "You get this e-mail because you joined {{ shop_name }} and said yes to offers by e-mail."},
            ),
        ),
    ),
    "zh-hans": Words(
        subject='{{ given_name | default: "朋友" }}，欢迎加入：您的首批优惠',
        preheader="为您挑选的优惠，已放入会员卡",
        blocks=(
            (
                "hero",
                {
                    "heading": '{{ given_name | default: "朋友" }}，欢迎您',
                    "text": "您的会员卡已经准备好。每次购物都能累积积分，这里先送上一份见面礼。",
                    "button_text": "打开我的会员卡",
                    "button_url": "{{ portal_url }}",
                },
            ),
            (
                "offers",
                {"slot": "new_for_you", "heading": "您的首批优惠", "fallback": "刷一次会员卡购物，专属优惠随后就到。"},
            ),
            (
                "offers",
                {"slot": "buy_again", "heading": "再次购买", "fallback": "多来几次，这里会出现您最常买的商品。"},
            ),
            ("points", {"heading": "您的积分", "shows_tier": True, "shows_expiry": False}),
            ("footer", {"why": "您收到这封邮件，是因为您加入了 {{ shop_name }}，并同意通过邮件接收优惠信息。"}),
        ),
    ),
}
STARTERS = {"win_back": (_("Win back"), WIN_BACK), "welcome": (_("Welcome"), WELCOME)}


def body_of(words: Words):
    """The blocks as a StreamField value, each with an id of its own."""
    stream = EmailTemplate._meta.get_field("body").stream_block
    return stream.to_python([{"type": kind, "value": value, "id": str(uuid.uuid4())} for kind, value in words.blocks])


@transaction.atomic
def write(starter: str, *, name: str) -> EmailTemplate:
    """Write a starter as a published e-mail in every language it has; gives the English one."""
    return write_words(STARTERS[starter][1], name=name)


@transaction.atomic
def write_words(words_by_language: dict[str, Words], *, name: str) -> EmailTemplate:
    """Write an e-mail in each of its languages and publish it; gives the English one."""
    key, written = uuid.uuid4(), {}
    for language, words in words_by_language.items():
        locale, _created = Locale.objects.get_or_create(language_code=language)
        template = EmailTemplate(
            name=name, subject=words.subject, preheader=words.preheader, body=body_of(words),
            locale=locale, translation_key=key, live=False,
        )  # fmt: skip
        template.save()
        template.save_revision().publish()
        template.refresh_from_db()
        written[language] = template
    return written["en"]

"""The e-mails and the push of the demo's campaigns, written in the CMS's own blocks in both languages."""

from wagtail.models import Locale

from emails.models import EmailTemplate
from push.models import PushTemplate, PushWording

WHY_EN = "You get this because you joined Larkfield Market's Regulars and said yes to offers by e-mail."
WHY_ZH = "您加入了 Larkfield Market 会员计划并同意通过电子邮件接收优惠，因此收到本邮件。"


def _body(words: dict, *, offers_first: bool) -> list[tuple[str, dict]]:
    hero = (
        "hero",
        {
            "heading": words["heading"],
            "text": words["intro"],
            "button_text": words["button"],
            "button_url": "{{ portal_url }}offers/",
        },
    )
    points = ("points", {"heading": words["points"], "shows_tier": True, "shows_expiry": True})
    again = ("offers", {"slot": "buy_again", "heading": words["again"], "fallback": words["again_fallback"]})
    new = ("offers", {"slot": "new_for_you", "heading": words["new"], "fallback": words["new_fallback"]})
    text = ("text", {"text": words["text"]})
    middle = [again, new, points, text] if offers_first else [text, points, again, new]
    return [hero, *middle, ("footer", {"why": words["why"]})]


ENGLISH = {
    "heading": 'We saved your basket, {{ given_name | default: "neighbour" }}',
    "intro": "It has been a while. Your points are still here, and so are the things you like.",
    "button": "See your offers",
    "points": "Your points",
    "again": "Time to stock up?",
    "again_fallback": "Your favourites will show up here once you have shopped with us a few times.",
    "new": "Something new for you",
    "new_fallback": "New ideas will show up here soon.",
    "text": "<p>Each offer below is yours alone and is applied at the till by itself: just show your card.</p>",
    "why": WHY_EN,
}
CHINESE = {
    "heading": '{{ given_name | default: "您好" }}，您的购物篮我们还留着',
    "intro": "好久不见。您的积分还在，您喜欢的东西也还在。",
    "button": "查看我的优惠",
    "points": "您的积分",
    "again": "该补货了？",
    "again_fallback": "多来几次，您常买的商品就会出现在这里。",
    "new": "为您推荐的新品",
    "new_fallback": "新的推荐很快就会出现在这里。",
    "text": "<p>以下优惠为您专享，出示会员卡即可在收银台自动生效。</p>",
    "why": WHY_ZH,
}
VARIANTS = {
    "Points first": {
        "offers_first": False,
        "en": (
            "Your {{ points }} points are waiting",
            "They are worth something. So are these offers, picked for you.",
        ),
        "zh-hans": ("您的 {{ points }} 积分还在等您", "积分有用，为您挑选的优惠也一样。"),
    },
    "Offers first": {
        "offers_first": True,
        "en": ("Picked for you this week", "What you buy again, and something you may not know yet."),
        "zh-hans": ("本周为您精选", "您常买的，还有您可能还不认识的。"),
    },
}
PUSHES = {
    "en": ("{{ points }} points, and offers picked for you", "Show your card at the till. Tap to see what is yours."),
    "zh-hans": ("您有 {{ points }} 积分和专属优惠", "在收银台出示会员卡即可。点按查看。"),
}


def email_template(name: str) -> EmailTemplate:
    """The published English template of one variant, with its Chinese translation beside it; made once."""
    found = EmailTemplate.objects.filter(name=name, locale__language_code="en").first()
    if found:
        return found
    wording = VARIANTS[name]
    made = None
    for language, words in (("en", ENGLISH), ("zh-hans", CHINESE)):
        locale, _new = Locale.objects.get_or_create(language_code=language)
        subject, preheader = wording[language]
        template = EmailTemplate(
            name=name, locale=locale, subject=subject, preheader=preheader,
            **({"translation_key": made.translation_key} if made else {}),
        )  # fmt: skip
        template.body = _body(words, offers_first=wording["offers_first"])
        template.save()
        template.save_revision().publish()
        made = made or template
    return made


def push_template() -> PushTemplate:
    """The published push of the campaigns, worded in both languages; made once."""
    name = "Points and offers"
    found = PushTemplate.objects.filter(name=name).first()
    if found:
        return found
    template = PushTemplate(name=name, url="/portal/offers/")
    template.wordings = [
        PushWording(language=language, title=title, body=body) for language, (title, body) in PUSHES.items()
    ]
    template.save()
    template.save_revision().publish()
    return template

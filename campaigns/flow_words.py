"""What the e-mails of the ready flows say, in both languages: words a shop can send as they are."""

from emails.starters import Words

HELLO = {"en": '{{ given_name | default: "Hello" }}', "zh-hans": '{{ given_name | default: "您好" }}'}
BUTTONS = {"en": "See all my offers", "zh-hans": "查看我的全部优惠"}
WHY = {
    "en": "You get this e-mail because you are a member of {{ shop_name }} and said yes to offers by e-mail.",
    "zh-hans": "您收到这封邮件，是因为您是 {{ shop_name }} 的会员，并同意通过邮件接收优惠信息。",
}
BYE = {"en": "See you soon,<br/>the team of {{ shop_name }}", "zh-hans": "期待与您再见，<br/>{{ shop_name }} 全体员工"}
AGAIN = {
    "en": ("Buy again", "Come by and see what is fresh this week: your points count on everything in the basket."),
    "zh-hans": ("再来一份", "欢迎来看看本周的新鲜好货，购物篮里的每件商品都能积分。"),
}
NEW = {
    "en": ("New for you", "Ask at the counter what is new; there is always something to taste."),
    "zh-hans": ("为您推荐", "到柜台问问有什么新品，总有可以尝一尝的。"),
}


def _words(language: str, subject: str, preheader: str, text: str, *, parts: str) -> Words:
    """One e-mail: a heading that is its subject, what is said, then the parts named (points, again, new), then the end."""
    blocks = [
        (
            "hero",
            {
                "heading": subject,
                "text": text,
                "button_text": BUTTONS[language],
                "button_url": "{{ portal_url }}offers/",
            },
        )
    ]
    if "points" in parts:
        heading = {"en": "Your balance", "zh-hans": "您的积分"}[language]
        blocks.append(("points", {"heading": heading, "shows_tier": True, "shows_expiry": True}))
    for part, slot, told in (("again", "buy_again", AGAIN), ("new", "new_for_you", NEW)):
        if part in parts:
            heading, fallback = told[language]
            blocks.append(("offers", {"slot": slot, "heading": heading, "fallback": fallback}))
    blocks += [("text", {"text": f"<p>{BYE[language]}</p>"}), ("footer", {"why": WHY[language]})]
    return Words(subject=subject, preheader=preheader, blocks=tuple(blocks))


def _both(parts: str, **said) -> dict[str, Words]:
    return {
        language: _words(language, *(line.replace("HELLO", HELLO[language]) for line in said[key]), parts=parts)
        for language, key in (("en", "en"), ("zh-hans", "zh"))
    }


WELCOME = _both(
    "points again new",
    en=(
        "HELLO, welcome to the club",
        "How your points work, and a first choice picked for you",
        "Good to have you with us. Show your card or say your phone number at the till, and every purchase earns points.",
    ),
    zh=(
        "HELLO，欢迎加入会员",
        "积分怎么用，还有为您挑选的第一份优惠",
        "很高兴您的加入。结账时出示会员卡或报手机号，每次购物都能积分。",
    ),
)
BIRTHDAY = _both(
    "again new",
    en=(
        'Happy birthday, {{ given_name | default: "friend" }}',
        "Something for your day, already on your card",
        "We wish you a wonderful day. Treat yourself: these are on your card already and apply by themselves.",
    ),
    zh=(
        "HELLO，生日快乐",
        "为您的生日准备的心意，已放进会员卡",
        "祝您生日快乐！犒劳一下自己吧：下面的优惠已在您的会员卡里，结账时自动享用。",
    ),
)
WIN_BACK_SHORT = _both(
    "points",
    en=(
        "HELLO, we have not seen you for a while",
        "{{ points | default: 0 | number }} points are waiting for you",
        "Your points are still here, and so are we. Come by when it suits you.",
    ),
    zh=(
        "HELLO，好久不见",
        "您还有 {{ points | default: 0 | number }} 积分可用",
        "您的积分一直为您保留着。有空来店里看看吧。",
    ),
)
EXPIRING = _both(
    "points again",
    en=(
        "HELLO, some of your points are about to expire",
        "Use {{ expiring_points | default: 0 | number }} points before they go",
        "{{ expiring_points | default: 0 | number }} of your points expire soon. Use them at the till: just say so when you pay.",
    ),
    zh=(
        "HELLO，您有积分即将到期",
        "{{ expiring_points | default: 0 | number }} 积分，请尽快使用",
        "您有 {{ expiring_points | default: 0 | number }} 积分即将到期。结账时告诉店员，即可抵用。",
    ),
)
TIER_UP = _both(
    "points new",
    en=(
        'HELLO, you are now {{ tier | default: "one step higher" }}',
        "What your new tier brings you",
        "Thank you for your loyalty. From today every purchase counts for more, and new rewards are open to you.",
    ),
    zh=(
        'HELLO，您已升级为{{ tier | default: "更高等级" }}',
        "新等级为您带来的权益",
        "感谢您一直以来的支持。从今天起每次购物积分更多，还可以兑换新的礼遇。",
    ),
)
AFTER_PURCHASE = _both(
    "points new",
    en=(
        "HELLO, thank you for coming",
        "Your points, and what goes well with it",
        "Thank you for your purchase. Your points are on your card; here is what others like to take with it.",
    ),
    zh=(
        "HELLO，感谢您的光临",
        "您的积分，以及搭配推荐",
        "感谢您的购买，积分已存入您的会员卡。下面是大家常一起购买的商品。",
    ),
)
REPLENISHMENT = _both(
    "again",
    en=(
        "HELLO, is it time to stock up?",
        "What you usually take home, with a little extra",
        "By our reckoning some of your favourites may be running out. They are in the shop, and your offers are on your card.",
    ),
    zh=(
        "HELLO，是时候补货了吗？",
        "您常买的商品，另有优惠",
        "您常买的商品可能快用完了。店里都有，优惠也已放进您的会员卡。",
    ),
)
ABANDONED = _both(
    "again new",
    en=(
        "HELLO, did you find what you were looking for?",
        "What you looked at is still here",
        "Thank you for looking in on us. If something caught your eye, it is still here, and so are your offers.",
    ),
    zh=("HELLO，找到您想要的了吗？", "您看过的商品还在", "感谢您来逛逛。您看中的商品还在，为您准备的优惠也还在。"),
)
SECOND_VISIT = _both(
    "points again new",
    en=(
        "HELLO, it was good to meet you",
        "What goes well with your first visit, already on your card",
        "Thank you for your first visit. Come by again: here is something for the second, and your points count on everything.",
    ),
    zh=(
        "HELLO，很高兴认识您",
        "为您的下一次光临准备的优惠，已放进会员卡",
        "感谢您的首次光临。欢迎再来：这里有为您第二次到店准备的优惠，购物篮里的每件商品都能积分。",
    ),
)
POINTS_WAIT = _both(
    "points",
    en=(
        "HELLO, your points are enough for a reward",
        "{{ points | default: 0 | number }} points, ready to spend",
        "You have {{ points | default: 0 | number }} points: enough to choose something. Say so at the till, or look at the rewards on your page.",
    ),
    zh=(
        "HELLO，您的积分可以兑换奖励了",
        "{{ points | default: 0 | number }} 积分，随时可用",
        "您有 {{ points | default: 0 | number }} 积分，已经可以兑换奖励。结账时告诉店员，或在您的会员页面上挑选。",
    ),
)

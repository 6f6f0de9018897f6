"""Pages for members to start from, in English and Chinese. A shop changes the words; nobody begins with an empty menu."""

import uuid

from django.db import transaction
from wagtail.models import Locale

from portal.models import Article

PAGES = (
    ("how-it-works", "sparkle", 1, False, {
        "en": ("How it works", "Show your card, collect points, enjoy rewards.", [
            ("steps", [
                {"title": "Show your card", "text": "Open it here or say your phone number at the till."},
                {"title": "Collect points", "text": "Every purchase earns points. You see at once how many, and why."},
                {"title": "Enjoy rewards", "text": "Swap points for rewards, or let them pay a part of your basket."},
            ]),
            ("heading", "Good to know"),
            ("text", ("<p>Points are counted to the cent, and what is left of a point is carried to your next purchase. "
                     "The oldest points are always spent first, and you hear from us thirty days before any expire.</p>")),
        ]),
        "zh-hans": ("会员计划说明", "出示会员卡，累积积分，兑换奖励。", [
            ("steps", [
                {"title": "出示会员卡", "text": "在这里打开会员卡，或在收银台报手机号。"},
                {"title": "累积积分", "text": "每次购物都有积分，得了多少、为什么，一看便知。"},
                {"title": "兑换奖励", "text": "用积分换奖励，或在结账时抵扣一部分金额。"},
            ]),
            ("heading", "温馨提示"),
            ("text", "<p>积分精确到分，不足一分的部分会累计到下次消费。总是先使用最早的积分，积分到期前三十天我们会提醒您。</p>"),
        ]),
    }),
    ("help", "headset", 2, False, {
        "en": ("Help", "Answers to what members ask most.", [
            ("questions", [
                {"question": "My points are missing. What now?",
                 "answer": "<p>Open <b>Missing points</b> under <b>Me</b> and type the number and the total of your receipt. "
                           "Most receipts are found at once.</p>",
                 "asked_as": "points did not arrive\npoints not credited\nI did not get points\nforgot my card at the till"},
                {"question": "When do points expire?",
                 "answer": "<p>Each point has a last day. Your home page shows the next one, and we write to you in time.</p>",
                 "asked_as": "how long are points valid\nexpiry of points"},
                {"question": "I gave something back. What happens to my points?",
                 "answer": "<p>The points that purchase earned go back too, under the rules of that day, and points you paid "
                           "with come back to you.</p>",
                 "asked_as": "points after a refund\npoints after a return"},
                {"question": "How do I stop messages?",
                 "answer": "<p>In <b>Settings</b>, per channel and topic, or by the link at the foot of every e-mail.</p>",
                 "asked_as": "unsubscribe\ntoo many e-mails"},
            ]),
        ]),
        "zh-hans": ("帮助", "会员最常问的问题。", [
            ("questions", [
                {"question": "积分没到账怎么办？",
                 "answer": "<p>在<b>我的</b>页面打开<b>补登积分</b>，输入小票号码和总额，多数小票会立即找到。</p>",
                 "asked_as": "积分没有到账\n少了积分\n忘带会员卡没有积分"},
                {"question": "积分什么时候过期？",
                 "answer": "<p>每笔积分都有最后使用日。首页会显示最近到期的积分，我们也会提前提醒您。</p>",
                 "asked_as": "积分有效期\n积分到期"},
                {"question": "退货后积分怎么算？",
                 "answer": "<p>那次购物所得的积分会按当时的规则扣回，您当时抵扣的积分也会退还给您。</p>",
                 "asked_as": "退款后积分"},
                {"question": "怎样停止接收消息？",
                 "answer": "<p>在<b>设置</b>中按渠道和主题关闭，或点击邮件底部的退订链接。</p>",
                 "asked_as": "退订\n邮件太多"},
            ]),
        ]),
    }),
    ("terms", "book", 8, True, {
        "en": ("Terms of the programme", "What we promise, and what we ask.", [
            ("text", ("<p>Membership is free and for people, not for companies. Points have no cash value and belong to the card "
                     "they were earned with; they may be given to other members within the limits shown on your pages.</p>"
                     "<p>We may change the rules for future purchases, never for past ones. You may leave at any time.</p>")),
        ]),
        "zh-hans": ("计划条款", "我们的承诺与约定。", [
            ("text", ("<p>会员资格免费，仅面向个人。积分不能兑换现金，归获得积分的会员卡所有；可在页面所示限额内转赠其他会员。</p>"
                     "<p>规则的调整只适用于今后的消费，不影响以往消费。您可随时退出。</p>")),
        ]),
    }),
    ("privacy", "shield", 9, True, {
        "en": ("Privacy", "What we know about you, and why.", [
            ("text", ("<p>We keep what you buy with your card, so that your points are right and offers fit. Names and addresses are "
                     "stored encrypted. Nothing is sold, and nothing is sent to you without a yes.</p>"
                     "<p>Under <b>Me</b> you read and download everything we hold, and delete it.</p>")),
        ]),
        "zh-hans": ("隐私", "我们了解您哪些信息，以及原因。", [
            ("text", ("<p>我们保存您持卡购物的记录，以便准确计算积分、提供合适的优惠。姓名和联系方式均加密存储。"
                     "我们不出售任何信息，未经同意不发送任何消息。</p><p>您可在<b>我的</b>页面查看、下载或删除全部信息。</p>")),
        ]),
    }),
)  # fmt: skip


@transaction.atomic
def write() -> int:
    """Publish the pages that are not there yet; what somebody wrote stays as it is. How many were written."""
    written = 0
    for slug, icon, place, is_in_footer, languages in PAGES:
        key = Article.objects.filter(slug=slug).values_list("translation_key", flat=True).first() or uuid.uuid4()
        for language, (title, summary, body) in languages.items():
            locale, _is_new = Locale.objects.get_or_create(language_code=language)
            if Article.objects.filter(slug=slug, locale=locale).exists():
                continue
            article = Article(
                slug=slug, title=title, summary=summary, icon=icon, place=place, is_in_footer=is_in_footer, locale=locale,
                translation_key=key, body=body,
            )  # fmt: skip
            article.save()
            article.save_revision().publish()
            written += 1
    return written

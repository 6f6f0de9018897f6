"""What a shop can begin with: three teams, eight topics, a pipeline, two surveys. All of it may be edited."""

from django.db import migrations

TEAMS = [
    ("service", "Customer service", "客户服务"),
    ("programme", "Loyalty programme", "会员计划"),
    ("stores", "Store managers", "门店店长"),
]
# code, English, Chinese, team, first reply (hours), close (hours), chosen by members, words
TOPICS = [
    ("missing_points", "Missing points", "积分未到账", "programme", 24, 72, True, [
        "missing points", "points missing", "points did not arrive", "didn't get my points", "did not get points",
        "no points", "forgot my card", "without my card", "not credited", "points not added", "积分没到", "没有积分",
        "少了积分", "积分未到账", "忘带会员卡", "没有到账", "漏记"]),
    ("points", "Points and expiry", "积分与到期", "programme", 24, 72, True, [
        "expire", "expired", "expiry", "balance", "points wrong", "how many points", "tier", "gold", "level", "upgrade",
        "point", "积分", "到期", "过期", "余额", "等级", "升级"]),
    ("rewards", "Rewards and vouchers", "奖励与优惠券", "programme", 24, 72, True, [
        "reward", "voucher", "coupon", "code does not work", "redeem", "gift card", "discount", "兑换", "优惠券", "奖励",
        "券码", "礼品卡", "折扣"]),
    ("complaint", "Goods and service", "商品与服务", "stores", 8, 72, True, [
        "rude", "unfriendly", "dirty", "queue", "waited", "staff", "cashier", "spoiled", "mouldy", "broken", "rotten",
        "expired milk", "out of date", "damaged", "wrong price", "overcharged", "refund", "complaint", "complain",
        "terrible", "awful", "quality", "unfresh", "态度", "投诉", "变质", "发霉", "坏了", "脏", "排队", "收银员", "多收",
        "价格不对", "退款", "质量", "破损", "不新鲜"]),
    ("account", "Account and data", "账户与资料", "service", 24, 120, True, [
        "log in", "login", "sign in", "password", "passkey", "code did not arrive", "phone number", "change my address",
        "e-mail address", "delete my account", "my data", "privacy", "household", "two cards", "lost card", "new card",
        "merge", "登录", "登陆", "验证码", "手机号", "邮箱", "注销", "删除账户", "隐私", "个人信息", "家庭", "会员卡丢", "换卡"]),
    ("message", "Messages and offers", "消息与优惠", "service", 24, 120, True, [
        "unsubscribe", "too many e-mails", "too many emails", "spam", "newsletter", "stop sending", "notification",
        "did not get the offer", "offer", "push", "退订", "邮件太多", "垃圾邮件", "通知", "推送", "短信", "没收到优惠"]),
    ("survey", "A low score", "低评分", "service", 24, 120, False, []),
    ("other", "Something else", "其他", "service", 24, 120, True, []),
]
STAGES = [
    ("first_talk", "First talk", "初步沟通", 10, 10),
    ("need", "Need understood", "需求确认", 20, 30),
    ("offer", "Offer made", "已报价", 30, 60),
    ("agreed", "Agreed by word", "口头同意", 40, 90),
]
SURVEYS = [
    ("After a visit", "csat", "How content were you with your last visit?", "您对上次到店的体验满意吗？"),
    ("Would recommend", "nps", "How likely are you to recommend us to a friend?", "您有多大可能把我们推荐给朋友？"),
]


def plant(apps, schema_editor):
    models = {name: apps.get_model("care", name) for name in ("Team", "Topic", "Stage", "Survey")}
    teams = {
        code: models["Team"].objects.create(code=code, name_en=english, name_zh=chinese)
        for code, english, chinese in TEAMS
    }
    for place, (code, english, chinese, team, reply, close, chosen, words) in enumerate(TOPICS, start=1):
        models["Topic"].objects.create(
            code=code, name_en=english, name_zh=chinese, team=teams[team], reply_hours=reply, close_hours=close,
            is_for_members=chosen, words=words, place=10 * place,
        )  # fmt: skip
    for code, english, chinese, place, chance in STAGES:
        models["Stage"].objects.create(
            code=code, name_en=english, name_zh=chinese, place=place, chance_percent=chance
        )
    for name, kind, english, chinese in SURVEYS:
        models["Survey"].objects.create(name=name, kind=kind, question_en=english, question_zh=chinese)


class Migration(migrations.Migration):
    dependencies = [("care", "0001_teams_cases_surveys_tasks_and_opportunities")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]

"""A case reaches its team by itself, runs its clocks, and ends only with an outcome."""

from datetime import UTC, datetime, timedelta

import pytest

from care import operations, queries, signals
from care.models import Case, Route, Team, Topic
from members import operations as members
from members.operations import add_staff, erase
from members.personal_data import of
from sales.models import Store

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def maria():
    return members.enrol(at=AT, source="test", given_name="Maria", email="maria@example.com")


@pytest.fixture
def sam():
    return add_staff(email="sam@example.com", roles=["service"])


def ask(member, text="My points are missing since Monday", **changed):
    return operations.open_case(
        **{"text": text, "channel": "portal", "at": AT, "source": "portal", "client_key": "1", "member_id": member.pk}
        | changed
    )


def kinds(case):
    return [entry.kind for entry in case.entries.all()]


def test_a_case_goes_to_the_team_of_its_topic_with_both_clocks_set(maria):
    case = ask(maria).case
    assert (case.topic.code, case.team.code, case.subject) == (
        "missing_points",
        "programme",
        "My points are missing since Monday",
    )
    assert (case.reply_due_at, case.close_due_at) == (AT + timedelta(hours=24), AT + timedelta(hours=72))


def test_words_that_say_nothing_go_to_something_else(maria):
    assert ask(maria, "Hello?").case.topic.code == "other"


def test_a_store_may_route_a_topic_to_a_team_of_its_own(maria):
    store, team = (
        Store.objects.create(code="12", name="Elm Street"),
        Team.objects.create(code="elm", name_en="Elm Street"),
    )
    Route.objects.create(store=store, topic=Topic.objects.get(code="complaint"), team=team)
    assert ask(maria, "The cashier was rude", store_code="12").case.team == team
    assert ask(maria, "Points?", store_code="12", client_key="2").case.team.code == "programme"


def test_the_same_asking_opens_one_case(maria):
    first, again = ask(maria), ask(maria, "Other words")
    assert (again.case, again.is_replay, Case.objects.count()) == (first.case, True, 1)


def test_an_unknown_topic_or_store_is_refused_with_what_there_is(maria):
    with pytest.raises(operations.UnknownTopic, match=r"There is no topic “parking”\. There are: account, complaint"):
        ask(maria, topic="parking")
    with pytest.raises(ValueError, match="There is no store “99”"):
        ask(maria, store_code="99")
    assert Case.objects.count() == 0


def test_a_reply_stops_the_first_clock_and_is_announced(maria, sam, django_capture_on_commit_callbacks):
    case, heard = ask(maria).case, []
    listen = lambda **news: heard.append((news["case_id"], news["entry_id"]))  # noqa: E731
    signals.case_replied.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):
        entry = operations.reply(case=case, text="We found it.", by_user=sam, at=AT + timedelta(hours=2))
    signals.case_replied.disconnect(listen)
    case.refresh_from_db()
    assert heard == [(case.pk, entry.pk)]
    assert (case.status, case.owner, case.first_replied_at) == ("waiting", sam, AT + timedelta(hours=2))


def test_a_case_closes_once_and_only_with_an_outcome(maria, sam):
    case = ask(maria).case
    with pytest.raises(operations.CannotClose, match="only with an outcome"):
        operations.close(case=case, outcome="", by_user=sam, at=AT)
    operations.close(case=case, outcome="solved", by_user=sam, at=AT, text="Here they are.")
    with pytest.raises(operations.CannotClose, match="closed already"):
        operations.close(case=case, outcome="solved", by_user=sam, at=AT)
    assert kinds(case) == ["heard", "replied", "closed"]


def test_a_further_word_opens_a_closed_case_again_and_is_heard_once(maria, sam):
    case = ask(maria).case
    operations.close(case=case, outcome="explained", by_user=sam, at=AT)
    for _try in range(2):
        operations.hear(case=case, text="No!", at=AT, channel="email", source="email", client_key="m2")
    case.refresh_from_db()
    assert (case.status, case.outcome, kinds(case)) == ("open", "", ["heard", "closed", "reopened", "heard"])


def test_what_is_past_its_clock_escalates_once_and_stands_first(maria, sam):
    late, early = ask(maria).case, ask(maria, client_key="2", at=AT + timedelta(hours=1)).case
    operations.reply(case=early, text="Soon.", by_user=sam, at=AT + timedelta(hours=2))
    then = AT + timedelta(hours=25)
    assert [operations.escalate_overdue(at=then) for _run in range(2)] == [1, 0]
    assert [(case.pk, case.is_overdue) for case in queries.inbox(at=then)] == [(late.pk, True), (early.pk, False)]
    assert operations.escalate_overdue(at=AT + timedelta(hours=80)) == 1


def test_who_is_forgotten_leaves_counts_but_no_words(
    maria, sam, django_capture_on_commit_callbacks, settings, tmp_path
):
    settings.ERASURE_LOG = str(tmp_path / "erasures.log")
    case = ask(maria, "Call me: Maria").case
    operations.note(case=case, text="Maria is upset", by_user=sam, at=AT)
    told = [section for section in of(maria) if section.code == "cases"]
    assert [row["text"] for row in told[0].rows] == ["Call me: Maria"]  # notes among staff are not theirs to read
    with django_capture_on_commit_callbacks(execute=True):
        erase(member_id=maria.pk, at=AT, source="desk")
    case.refresh_from_db()
    assert (case.subject, {entry.text for entry in case.entries.all()}, Case.objects.count()) == ("", {""}, 1)


# One hundred askings as people write them, each with the topic a person gave it.
LABELLED = {
    "missing_points": """I bought groceries on Saturday and did not get points
        My points are missing for receipt 4711
        Forgot my card yesterday, can you add it
        I shopped without my card, please credit
        Purchase not credited to my account
        Got no points for my big shop
        points did not arrive after 3 days
        I didn't get my points at Elm Street
        The points missing from last week's receipt
        My purchase was not credited
        昨天买东西积分没到
        周六消费没有积分
        这次购物少了积分
        积分未到账，请帮忙查一下
        忘带会员卡了，能补吗""",
    "points": """When do my points expire?
        Why did 200 points expire in March
        What is my balance
        How many points for gold tier
        My balance looks wrong after the refund of points
        Do points have an expiry date
        How do I reach the gold level
        When is the upgrade to platinum
        I lost my tier, why
        Are my points expired already
        我的积分什么时候到期
        积分余额不对
        怎么升级到金卡等级
        积分过期了怎么办
        为什么等级降了""",
    "rewards": """The voucher code does not work at the till
        How can I redeem a reward
        My coupon was refused
        Gift card balance shows zero, the gift card is new
        Where do I find my voucher
        The reward I chose is out of stock
        Can I redeem for a friend
        My discount did not apply
        The coupon ended too early
        I redeemed twice by mistake
        优惠券用不了
        怎么兑换奖励
        券码无效
        礼品卡怎么用
        折扣没有生效""",
    "complaint": """The cashier was rude to my mother
        The milk was spoiled
        I waited twenty minutes in the queue
        The yoghurt was mouldy
        Wrong price on the shelf, I was overcharged
        Dirty store and unfriendly staff
        The eggs were broken when I got home
        Terrible service at the counter
        I want a refund for the rotten apples
        The toaster arrived damaged
        收银员态度很差
        买的牛奶变质了
        标签价格不对，多收了钱
        排队太久了
        鸡蛋破损，要求退款""",
    "account": """I cannot log in
        The code did not arrive on my phone
        Please change my phone number
        I want to delete my account
        I have two cards, please merge them
        My new e-mail address is not accepted
        Lost card, need a new card
        How do I add my wife to my household
        What do you store about me, my data please
        Passkey stopped working
        登录不了
        收不到验证码
        想换手机号
        我要注销账户
        会员卡丢了怎么换卡""",
    "message": """Too many e-mails from you
        Please unsubscribe me
        Stop sending me the newsletter
        Your mails land in spam
        I did not get the offer my neighbour got
        Push notification comes at night
        Your notifications are annoying
        Too many emails every day
        Why does my friend get a better offer
        I want fewer push messages
        怎么退订
        邮件太多了
        推送通知太频繁
        短信太多
        没收到优惠""",
    "other": """Hello
        Do you open on Sunday
        Where is the nearest parking
        Thank you!
        Can I bring my dog
        Do you sell skis
        你好
        周日营业吗
        附近有停车场吗
        谢谢""",
}  # fmt: skip


def test_of_a_hundred_labelled_complaints_95_reach_the_right_team_and_none_is_left_out(maria):
    askings = [(topic, line.strip()) for topic, lines in LABELLED.items() for line in lines.splitlines()]
    assert len(askings) == 100
    teams = dict(Topic.objects.values_list("code", "team__code"))
    cases = [ask(maria, text, client_key=str(place)).case for place, (_topic, text) in enumerate(askings)]
    right = [case.team.code == teams[topic] for case, (topic, _text) in zip(cases, askings, strict=True)]
    assert sum(right) >= 95, [text for ok, (_topic, text) in zip(right, askings, strict=True) if not ok]
    assert all(case.team_id for case in cases)

"""Golden audiences and their hand-written twins, over a neighbourhood of which every room knows something."""

from datetime import timedelta

from campaigns.memberships.models import AudienceMember
from campaigns.models import Audience, Campaign, EarlyWarning, MemberDriver
from care.models import Answer, Case, Invitation, Survey, Team, Topic
from delivery.models import Message, MessageEvent
from insights.models import Score, ScoreRun
from loyalty.models import Entitlement, Redemption, Reward, Wallet
from members.knowing import CustomField, CustomValue, MemberTag, StageChange, Tag, Touchpoint
from members.models import Consent, Household, Member
from members.operations.knowing import personal_hash
from recommender.models import Decision, Exposure
from sales.models import Category, Product, Source, Store
from tests.campaigns.people import AT, neighbourhood, sell


def days(count):
    return timedelta(days=count)


def neighbours():
    """The neighbourhood, and what the other rooms know of it. Returns its members."""
    people = neighbourhood()
    for told in (_profiles, _shelves, _scores, _messages, _offers, _service, _retention, _meetings, _audiences):
        told(people)
    return people


def _profiles(people):
    homes = Household.objects.bulk_create([Household(name="Both"), Household(name="Alone")])
    for i, one in enumerate(people):
        one.country = ("US", "CA", "")[i % 3]
        if i % 3 == 0:
            birthday = AT + days(i % 20)
            one.birth_month, one.birth_day = birthday.month, birthday.day
        one.household = {10: homes[0], 11: homes[0], 12: homes[1]}.get(i)
        one.custom_fields = {"shoe_size": 36 + i % 9, "club": i % 4 == 0} if i % 2 else {"colour": "green"}
    Member.objects.bulk_update(people, ["country", "birth_month", "birth_day", "household", "custom_fields"])
    CustomField.objects.create(code="shoe_size", label_en="Shoe size", kind="number")
    CustomField.objects.create(code="colour", label_en="Colour", kind="text")
    secret = CustomField.objects.create(code="nickname", label_en="Nickname", kind="text", is_personal=True)
    CustomValue.objects.bulk_create(
        CustomValue(member=one, field=secret, value=name, value_hash=personal_hash(secret, name))
        for one, name in zip(people[::5], ["Bear", "Fox"] * 6, strict=True)
    )
    tag = Tag.objects.create(code="vip")
    MemberTag.objects.bulk_create(MemberTag(tag=tag, member=one, source="desk", at=AT - days(3)) for one in people[::6])
    StageChange.objects.bulk_create(
        StageChange(member=one, before="loyal", after=one.lifecycle_stage, at=AT - days(i))
        for i, one in enumerate(people)
    )
    Consent.objects.bulk_create(
        Consent(member=one, channel="sms", purpose="points", is_granted=i % 2 == 0, at=AT - days(i), source="test")
        for i, one in enumerate(people[:30])
    )


def _shelves(people):
    tea = Product.objects.get(code="TEA")
    Product.objects.filter(pk=tea.pk).update(brand="Leaf & Co")
    far = Source.objects.get(code="till"), Store.objects.create(code="2", name="Far Street")
    for i, one in enumerate(people[1::3]):
        sell(one, AT - days(5 * i), 1500 + 50 * i, tea, place=far, key=f"far-{i}")


def _scores(people):
    kinds = {
        "rfm": lambda i: 100 * (1 + i % 5) + 10 * (1 + i % 3) + 1 + i % 4, "value": lambda i: 500.0 * i, "purchases": lambda i: i / 10,
        "alive": lambda i: i / 60, "churn": lambda i: 1 - i / 60, "price_driven": lambda i: i / 60, "next_purchase": lambda i: i - 20,
        "replenishment": lambda i: i,
    }  # fmt: skip
    milk = Category.objects.get(raw_name="MILK")
    for kind, value in kinds.items():
        old = ScoreRun.objects.create(kind=kind, model="test", status="retired", at=AT - days(9))
        run = ScoreRun.objects.create(kind=kind, model="test", status="live", at=AT)
        dated, of = kind in ("next_purchase", "replenishment"), milk if kind == "replenishment" else None
        Score.objects.bulk_create(
            Score(run=run, member=one, category=of, value=value(i), on=(AT + days(value(i))).date() if dated else None)
            for i, one in enumerate(people)
            if i % 10
        )
        Score.objects.bulk_create(
            Score(run=old, member=one, value=0, on=AT.date() if dated else None) for one in people
        )


def _messages(people):
    everybody = Audience.objects.create(name="All of them", conditions={})
    spring = Campaign.objects.create(
        name="Spring", audience=everybody, analysis_seed=1, planned_at=AT - days(40), audience_size=50
    )
    for i, one in enumerate(people[:40]):
        cause = f"campaign:{spring.pk}" if i % 2 else f"campaign:{spring.pk}0"
        sent = AT - days(2 * i)
        message = Message.objects.create(
            cause=cause, channel="email" if i % 3 else "push", member=one, content="x", state="sent", due_at=sent, enqueued_at=sent,
            sent_at=sent, purpose="transactional" if i % 11 == 0 else "marketing",
        )  # fmt: skip
        for kind, wanted in (("opened", i % 4), ("clicked", i % 6 == 1)):
            if wanted:
                MessageEvent.objects.create(message=message, kind=kind, at=sent + days(1), is_machine=i % 5 == 0)


def _offers(people):
    milk, spring = Category.objects.get(raw_name="MILK"), Campaign.objects.get()
    reward = Reward.objects.create(name_en="Mug", kind="amount", amount=500, points=100, valid_from=AT - days(90))
    for i, one in enumerate(people[:45]):
        cause = f"campaign:{spring.pk}"
        decision = Decision.objects.create(
            cause=cause, member=one, slot="buy_again", position=1, category=milk, benefit="multiply", amount=300, propensity=1, policy="x",
            reason_code="x", decided_at=AT - days(2 * i),
        )  # fmt: skip
        if i % 2:
            Exposure.of(decision, channel="email", shown_at=AT - days(2 * i)).save()
        gift = Entitlement.objects.create(
            member=one, category=milk, benefit="multiply", amount=300, valid_from=AT - days(90), valid_until=AT, cause=f"{cause}:{milk.pk}",
            used_at=AT - days(i) if i % 3 == 0 else None,
        )  # fmt: skip
        if i % 9 == 0 and (wallet := Wallet.objects.filter(member=one).first()):
            Redemption.objects.create(
                reward=reward, wallet=wallet, source=Source.objects.get(code="till"), client_key=f"r{i}", body_hash=b"x", points=100, entitlement=gift,
                redeemed_at=AT - days(i),
            )  # fmt: skip


def _service(people):
    team = Team.objects.create(code="golden_team", name_en="Golden")
    late, lost = (Topic.objects.create(code=code, name_en=code, team=team) for code in ("too_late", "quite_gone"))
    survey = Survey.objects.create(name="After golden hour", kind="nps", question_en="Would you?")
    for i, one in enumerate(people[:36]):
        if i % 2:
            closed = {"status": "closed", "outcome": "solved", "closed_at": AT - days(i)} if i % 3 else {}
            Case.objects.create(
                member=one, topic=late if i % 4 == 1 else lost, team=team, channel="desk", source="test", client_key=f"c{i}",
                opened_at=AT - days(2 * i), reply_due_at=AT, close_due_at=AT, **closed,
            )  # fmt: skip
        for n in range(1 + i % 2):
            asked = Invitation.objects.create(
                survey=survey,
                member=one,
                cause=f"visit:{n}",
                invited_at=AT - days(60),
                expires_at=AT,
                token=f"t{i}-{n}",
            )
            Answer.objects.create(invitation=asked, score=(i + 5 * n) % 11, answered_at=AT - days(50 - n * 10))


def _meetings(people):
    """A page seen up to three times, and an event of a machine that nobody foresaw."""
    Touchpoint.objects.bulk_create(
        Touchpoint(
            member=one, kind="page", subject="/tea" if i % 2 else "/coffee", source="golden", client_key=f"p{i}-{n}", at=AT - days(9 * n + i)
        )
        for i, one in enumerate(people[:40])
        for n in range(i % 4)
    )  # fmt: skip
    Touchpoint.objects.bulk_create(
        Touchpoint(
            member=one, kind="other", event="beacon_entered", source="golden", client_key=f"b{i}", at=AT - days(i)
        )
        for i, one in enumerate(people[::3])
    )


def _retention(people):
    MemberDriver.objects.bulk_create(
        MemberDriver(member=one, driver=("price", "service", "brand", "none")[i % 4], since=AT - days(30))
        for i, one in enumerate(people[:40])
    )
    EarlyWarning.objects.bulk_create(
        EarlyWarning(
            member=one, reasons=[{"code": code} for code in (("fewer",), ("returns",), ("fewer", "feeling"))[i % 3]],
            noticed_at=AT - days(20) if i % 5 else AT + days(1), ended_at=AT - days(2) if i % 7 == 0 else None,
        )
        for i, one in enumerate(people[:30])
    )  # fmt: skip


def _audiences(people):
    Audience.objects.create(
        name="Readers of Chinese",
        conditions={"match": "all", "conditions": [{"type": "language", "languages": ["zh-hans"]}]},
    )
    listed = Audience.objects.create(name="A list", kind="list")
    listed.conditions = {"match": "all", "conditions": [{"type": "audience", "op": "yes", "audience": str(listed.pk)}]}
    listed.save()
    AudienceMember.objects.bulk_create(
        AudienceMember(audience=listed, member=one, entered_at=AT) for one in people[::4]
    )


# -- the twins ---------------------------------------------------------------------------------------------------------

SALES = "FROM sales_purchase p WHERE p.member_id = m.id AND p.kind = 1 AND p.purchased_at <= %(at)s"
LINES = """FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product r ON r.id = l.product_id
    JOIN sales_category c ON c.id = r.category_id WHERE p.member_id = m.id AND p.kind = 1"""
SCORE = """(SELECT s.value FROM insights_score s JOIN insights_scorerun r ON r.id = s.run_id AND r.status = 'live' AND r.kind = '{}'
    WHERE s.member_id = m.id)"""
SCORED_ON = SCORE.replace("s.value", 's."on"')
FATE = """EXISTS (SELECT 1 FROM delivery_messageevent e JOIN delivery_message d ON d.id = e.message_id WHERE d.member_id = m.id
    AND d.purpose = 'marketing' AND e.kind = '{}' AND NOT e.is_machine AND e.at BETWEEN %(at)s - interval '{} days' AND %(at)s)"""
LAST_SCORE = """(SELECT a.score FROM care_answer a JOIN care_invitation i ON i.id = a.invitation_id WHERE i.member_id = m.id
    AND a.answered_at > %(at)s - interval '90 days' ORDER BY a.answered_at DESC LIMIT 1)"""
CATEGORY, CAMPAIGN, STORE, READERS, LISTED = "MILK", "Spring", "Far Street", "Readers of Chinese", "A list"
"""Names that stand for ids in the conditions below."""

GOLDEN = {
    "became at risk or lapsed": (
        {"type": "stage_changed", "stages": ["at_risk", "lapsed"], "days": 30},
        "EXISTS (SELECT 1 FROM members_stagechange s WHERE s.member_id = m.id AND s.after IN ('at_risk', 'lapsed') AND s.at > %(at)s - interval '30 days')",
    ),
    "in Canada": ({"type": "country", "countries": ["CA"]}, "m.country = 'CA'"),
    "members for a year": (
        {"type": "membership", "op": "older", "days": 365}, "m.joined_at <= %(at)s - interval '365 days'"
    ),
    "birthday this week": (
        {"type": "birthday", "days": 7},
        "COALESCE(make_date(2017, m.birth_month, m.birth_day) BETWEEN '2017-12-01' AND '2017-12-08', false)",
    ),
    "agreed to notes about points": (
        {"type": "reachable", "channel": "sms", "purpose": "points"},
        """COALESCE((SELECT is_granted FROM members_consent c WHERE c.member_id = m.id AND channel = 'sms' AND purpose = 'points'
            ORDER BY at DESC LIMIT 1), false)""",
    ),
    "important people": (
        {"type": "tag", "op": "yes", "tags": ["vip"]},
        "EXISTS (SELECT 1 FROM members_membertag t JOIN members_tag g ON g.id = t.tag_id WHERE t.member_id = m.id AND g.code = 'vip')",
    ),
    "large feet": (
        {"type": "custom_field", "field": "shoe_size", "op": "at_least", "value": "40"},
        "COALESCE((m.custom_fields ->> 'shoe_size')::int >= 40, false)",
    ),
    "not green": (
        {"type": "custom_field", "field": "colour", "op": "is_not", "value": "green"}, "m.custom_fields ->> 'colour' IS DISTINCT FROM 'green'"
    ),
    "no colour": ({"type": "custom_field", "field": "colour", "op": "empty"}, "NOT m.custom_fields ? 'colour'"),
    "bears": (
        {"type": "custom_field", "field": "nickname", "op": "is", "value": "Bear"},
        "m.id IN (SELECT member_id FROM members_customvalue ORDER BY member_id) AND (m.id - (SELECT min(id) FROM members_member)) %% 10 = 0",
    ),
    "sharing a home": ({"type": "household", "shared": "shared"}, "(SELECT count(*) FROM members_member o WHERE o.household_id = m.household_id AND o.status = 'active') > 1"),
    "readers of Chinese": ({"type": "audience", "op": "yes", "audience": READERS}, "m.language = 'zh-hans'"),
    "not on the list": (
        {"type": "audience", "op": "no", "audience": LISTED}, "m.id NOT IN (SELECT member_id FROM campaigns_audiencemember)"
    ),
    "new buyers": (
        {"type": "first_purchase", "op": "newer", "days": 120},
        f"COALESCE((SELECT min(p.purchased_at) {SALES}) > %(at)s - interval '120 days', false)",
    ),
    "milk twice, not lately": (
        {"type": "bought", "op": "at_least", "number": 2, "measure": "times", "category": CATEGORY, "days": 200, "until": 20},
        f"""(SELECT count(DISTINCT p.id) {LINES} AND c.raw_name = 'MILK' AND p.purchased_at > %(at)s - interval '200 days'
            AND p.purchased_at <= %(at)s - interval '20 days') >= 2""",
    ),
    "tea of a brand in a store": (
        {"type": "bought", "op": "at_least", "number": 20, "measure": "amount", "brand": "Leaf & Co", "store": STORE, "days": 200},
        f"""(SELECT COALESCE(sum(l.total_minor), 0) {LINES} AND r.brand = 'Leaf & Co' AND p.purchased_at > %(at)s - interval '200 days'
            AND p.store_id = (SELECT id FROM sales_store WHERE name = 'Far Street')) / 100 >= 20""",
    ),
    "at most one of a product": (
        {"type": "bought", "op": "at_most", "number": 1, "measure": "pieces", "product": "TEA", "days": 200},
        f"(SELECT COALESCE(sum(l.quantity), 0) {LINES} AND r.code = 'TEA' AND p.purchased_at > %(at)s - interval '200 days') <= 1",
    ),
    "autumn": (
        {"type": "bought_between", "op": "at_least", "number": 1, "measure": "times", "first": "2017-09-01", "last": "2017-10-31"},
        f"""EXISTS (SELECT 1 {LINES} AND p.purchased_at >= '2017-09-01 00:00 America/New_York'
            AND p.purchased_at < '2017-11-01 00:00 America/New_York')""",
    ),
    "had a mug": (
        {"type": "reward", "op": "yes", "days": 30},
        """EXISTS (SELECT 1 FROM loyalty_redemption r JOIN loyalty_wallet w ON w.id = r.wallet_id
            WHERE w.member_id = m.id AND r.redeemed_at > %(at)s - interval '30 days')""",
    ),
    "recent and frequent": (
        {"type": "rfm", "recency": ["4", "5"], "frequency": ["3"], "money": ["1", "2", "3", "4", "5"]},
        f"COALESCE({SCORE.format('rfm')}::int::text ~ '^[45]3[1-5]$', false)",
    ),
    "worth much": ({"type": "value", "op": "at_least", "amount": 100}, f"COALESCE({SCORE.format('value')}, 0) >= 10000"),
    "expected seldom": ({"type": "purchases_expected", "op": "at_most", "count": 3}, f"COALESCE({SCORE.format('purchases')}, 0) <= 3"),
    "probably there": ({"type": "alive", "op": "at_least", "percent": 50}, f"COALESCE({SCORE.format('alive')}, 0) >= 0.5"),
    "may leave": ({"type": "churn", "op": "at_least", "percent": 50}, f"COALESCE({SCORE.format('churn')}, 0) >= 0.5"),
    "looking for price": (
        {"type": "driven_by", "driver": "price_driven", "percent": 40}, f"COALESCE({SCORE.format('price_driven')}, 0) >= 0.6"
    ),
    "due this week": (
        {"type": "next_purchase", "op": "soon", "days": 7}, f"COALESCE({SCORED_ON.format('next_purchase')} BETWEEN '2017-12-01' AND '2017-12-08', false)"
    ),
    "overdue": (
        {"type": "next_purchase", "op": "overdue", "days": 5}, f"COALESCE({SCORED_ON.format('next_purchase')} < '2017-11-26', false)"
    ),
    "milk again": (
        {"type": "replenishment", "category": CATEGORY, "days": 12},
        f"COALESCE({SCORED_ON.format('replenishment')} BETWEEN '2017-12-01' AND '2017-12-13', false)",
    ),
    "received Spring by e-mail": (
        {"type": "message", "op": "yes", "fate": "sent", "campaign": CAMPAIGN, "channel": "email", "days": 60},
        """EXISTS (SELECT 1 FROM delivery_message d JOIN campaigns_campaign c ON c.name = 'Spring' AND d.cause = 'campaign:' || c.id
            WHERE d.member_id = m.id AND d.channel = 'email' AND d.purpose = 'marketing' AND d.sent_at > %(at)s - interval '60 days')""",
    ),
    "opened nothing": ({"type": "message", "op": "no", "fate": "opened", "days": 50}, f"NOT {FATE.format('opened', 50)}"),
    "followed a link": ({"type": "message", "op": "yes", "fate": "clicked", "days": 70}, FATE.format("clicked", 70)),
    "was shown milk": (
        {"type": "offer", "op": "yes", "use": "shown", "category": CATEGORY, "campaign": CAMPAIGN, "days": 60},
        """EXISTS (SELECT 1 FROM recommender_exposure x JOIN recommender_decision d ON d.id = x.decision_id
            WHERE d.member_id = m.id AND x.shown_at > %(at)s - interval '60 days')""",
    ),
    "was given nothing": (
        {"type": "offer", "op": "no", "use": "given", "days": 60},
        "m.id NOT IN (SELECT member_id FROM recommender_decision WHERE decided_at > %(at)s - interval '60 days')",
    ),
    "used an offer": (
        {"type": "offer", "op": "yes", "use": "used", "days": 40},
        """EXISTS (SELECT 1 FROM loyalty_entitlement e WHERE e.member_id = m.id AND e.used_at > %(at)s - interval '40 days'
            AND e.id NOT IN (SELECT entitlement_id FROM loyalty_redemption))""",
    ),
    "promoters": ({"type": "survey_score", "op": "at_least", "score": 7, "days": 90}, f"COALESCE({LAST_SCORE} >= 7, false)"),
    "open cases": (
        {"type": "open_case", "op": "yes"}, "EXISTS (SELECT 1 FROM care_case c WHERE c.member_id = m.id AND c.status <> 'closed')"
    ),
    "looked at tea twice": (
        {"type": "met", "op": "at_least", "times": 2, "kind": "page", "subject": "/tea", "days": 60},
        """(SELECT count(*) FROM members_touchpoint t WHERE t.member_id = m.id AND t.kind = 'page' AND t.subject = '/tea'
            AND t.at > %(at)s - interval '60 days') >= 2""",
    ),
    "met no beacon": (
        {"type": "met", "op": "at_most", "times": 0, "event": "beacon_entered", "days": 15},
        "m.id NOT IN (SELECT member_id FROM members_touchpoint WHERE event = 'beacon_entered' AND at > %(at)s - interval '15 days')",
    ),
    "stays for price or service": (
        {"type": "stays_for", "drivers": ["price", "service"]},
        "COALESCE((SELECT d.driver FROM campaigns_memberdriver d WHERE d.member_id = m.id) IN ('price', 'service'), false)",
    ),
    "about to leave, buying less": (
        {"type": "warned", "op": "yes", "reason": "fewer"},
        """EXISTS (SELECT 1 FROM campaigns_earlywarning w, jsonb_array_elements(w.reasons) r WHERE w.member_id = m.id AND r ->> 'code' = 'fewer'
            AND w.noticed_at <= %(at)s AND COALESCE(w.ended_at > %(at)s, true))""",
    ),
    "not about to leave": (
        {"type": "warned", "op": "no"},
        "m.id NOT IN (SELECT w.member_id FROM campaigns_earlywarning w WHERE w.noticed_at <= %(at)s AND COALESCE(w.ended_at > %(at)s, true))",
    ),
    "nothing was late": (
        {"type": "case", "op": "no", "topic": "too_late", "days": 40},
        """NOT EXISTS (SELECT 1 FROM care_case c JOIN care_topic t ON t.id = c.topic_id AND t.code = 'too_late'
            WHERE c.member_id = m.id AND c.opened_at > %(at)s - interval '40 days')""",
    ),
}  # fmt: skip


def named(condition: dict) -> dict:
    """The condition with ids for the names it is written with."""
    found = dict(condition)
    for key, model, by in (
        ("category", Category, "raw_name"),
        ("campaign", Campaign, "name"),
        ("store", Store, "name"),
        ("audience", Audience, "name"),
    ):
        if condition.get(key):
            found[key] = model.objects.get(**{by: condition[key]}).pk
    return found

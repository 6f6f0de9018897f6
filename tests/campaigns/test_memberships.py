"""Lists, kept audiences, and who uses them."""

from datetime import timedelta

import pytest

from campaigns import audiences
from campaigns.memberships import keeping, lists, revisions, usage
from campaigns.memberships.models import AudienceMember, MemberNews
from campaigns.memberships.signals import audience_changed
from campaigns.models import Audience, Journey
from members import operations as members
from members.crypto import keyed_hash
from members.models import Identifier
from members.operations.knowing import tag_members
from members.signals import member_erased
from tests.campaigns.conftest import enrol_quickly, sale
from tests.campaigns.people import AT, neighbourhood

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed():
    return Audience.objects.create(name="By hand", kind="list")


@pytest.fixture
def people():
    people = enrol_quickly(6)
    number = "+12125550123"
    Identifier.objects.create(member=people[5], kind="phone", value=number, value_hash=keyed_hash(number, kind="phone"))
    return people


def taken(audience):
    return list(audiences.compile(audience.conditions, at=AT).order_by("pk"))


def put(listed, text, **kwargs):
    file = text if isinstance(text, bytes) else text.encode()
    return lists.upload(audience=listed, file=file, name="people.csv", at=AT, **kwargs)


def test_a_list_holds_the_members_of_its_file_by_whatever_they_are_known(listed, people):
    done = put(listed, "m0@example.com\nM1@EXAMPLE.COM \n(212) 555-0123\nm0@example.com\n\n")
    assert done == lists.Listed(members=3, left_out=0)
    assert taken(listed) == [people[0], people[1], people[5]]
    put(listed, "名字,邮箱\nAnn,m2@example.com\n".encode("gb18030"))
    assert taken(listed) == [people[2]], "a new file replaces the old one"
    put(listed, "E-mail;x,Phone\n,+1 212 555 0123\n".encode("utf-16"))
    assert taken(listed) == [people[5]]
    assert (listed.listed_from, listed.listed_at) == ("people.csv", AT)


def test_a_file_that_cannot_be_taken_says_row_field_and_remedy_and_changes_nothing(listed, people):
    put(listed, "m0@example.com\n")
    with pytest.raises(lists.BadList) as refused:
        put(listed, "card,email\n123,\n,nobody@example.com\n,m1@example.com\nx\n,\n")
    told = [(one.row, one.field) for one in refused.value.problems]
    assert told == [(2, "card"), (3, "email"), (5, "card")]
    assert all(one.reason and one.remedy for one in refused.value.problems)
    assert taken(listed) == [people[0]]
    assert put(listed, "nobody@example.com\nm1@example.com\n", leaves_out_unknown=True) == lists.Listed(1, 1)
    assert taken(listed) == [people[1]]


@pytest.mark.parametrize(
    "file", [b"", b"email\n", b"\xff\xff\x81\x00\xfe", b"nobody@example.com\n", b'"m0@example.com\n' * 2 + b"\0"]
)
def test_what_holds_nobody_is_refused(listed, people, file):
    with pytest.raises(lists.BadList):
        put(listed, file, leaves_out_unknown=True)
    assert not AudienceMember.objects.exists()


# -- kept --------------------------------------------------------------------------------------------------------------

ENGLISH = {"match": "all", "conditions": [{"type": "language", "languages": ["en"]}]}
TAGGED = {"match": "all", "conditions": [{"type": "tag", "op": "yes", "tags": ["vip"]}]}


@pytest.fixture
def kept(monkeypatch):
    """Whose purchases lie longer ago than the last moments."""
    monkeypatch.setattr(keeping, "LOOKED_BACK", timedelta(0))
    members_ = neighbourhood(20)
    tag_members(code="vip", members=type(members_[0]).objects.filter(pk=members_[0].pk), source="test", at=AT)
    audience = keeping.keep(audience=Audience.objects.create(name="VIP", conditions=TAGGED), at=AT)
    return audience, members_


def stored(audience):
    return set(keeping.members_of(audience))


def test_a_kept_audience_follows_what_happens_and_asks_of_nobody_else(
    kept, django_capture_on_commit_callbacks, monkeypatch
):
    audience, people = kept
    assert stored(audience) == {people[0].pk}
    heard, asked = [], []
    follow = keeping._follow
    monkeypatch.setattr(keeping, "_follow", lambda a, at, among: asked.append(among) or follow(a, at, among=among))

    def hear(audience_id, entered, left, **_news):
        heard.append((audience_id, entered, left))

    audience_changed.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        everybody = type(people[0]).objects
        tag_members(code="vip", members=everybody.filter(pk=people[3].pk), source="test", at=AT)
        members.untag_members(code="vip", members=everybody.filter(pk=people[0].pk))
    with django_capture_on_commit_callbacks(execute=True):
        assert keeping.refresh(at=AT) == 2
    assert stored(audience) == {people[3].pk}
    assert asked == [[people[0].pk, people[3].pk]]
    assert heard == [(audience.pk, [people[3].pk], [people[0].pk])]
    assert keeping.refresh(at=AT) == 0, "news is answered once"
    assert keeping.belongs(audience.pk, people[3].pk)
    assert keeping.audiences_of(people[3].pk) == [audience.pk]


def test_news_of_every_room_reaches_the_list_once_somebody_keeps_an_audience(kept, monkeypatch):
    audience, people = kept
    place = shop_of(people)
    bought = sale(people[4], AT, 500, place, "news")
    bought.save()
    keeping.note([people[5].pk, people[5].pk, None])
    assert list(MemberNews.objects.values_list("member_id", flat=True)) == [people[5].pk]
    monkeypatch.setattr(keeping, "LOOKED_BACK", timedelta(hours=1))
    keeping.note_latest()
    assert people[4].pk in MemberNews.objects.values_list("member_id", flat=True)
    keeping.let_go(audience=audience)
    MemberNews.objects.all().delete()
    keeping.note([people[5].pk])
    assert not MemberNews.objects.exists(), "nobody keeps anything"
    assert stored(audience) == set()


def shop_of(people):
    from sales.models import Source, Store

    return Source.objects.get(code="till"), Store.objects.get()


def test_what_time_alone_does_is_found_by_drawing_anew(kept):
    audience, people = kept
    Audience.objects.filter(pk=audience.pk).update(conditions=ENGLISH)
    assert keeping.refresh(at=AT + timedelta(minutes=30)) == 0
    assert stored(audience) == {people[0].pk}, "not due yet"
    keeping.refresh(at=AT + timedelta(minutes=61))
    assert stored(audience) == set(audiences.compile(ENGLISH, at=AT).values_list("pk", flat=True))


def test_a_flood_of_news_draws_everything_anew(kept, monkeypatch):
    audience, people = kept
    monkeypatch.setattr(keeping, "WHOLE_FROM", 3)
    Audience.objects.filter(pk=audience.pk).update(conditions=ENGLISH)
    keeping.note([one.pk for one in people[:4]])
    assert keeping.refresh(at=AT) == 4
    assert stored(audience) == set(audiences.compile(ENGLISH, at=AT).values_list("pk", flat=True))
    assert not MemberNews.objects.exists()


def test_being_among_the_nearest_is_only_drawn_in_whole(kept):
    audience, _people = kept
    alike = Audience.objects.create(
        name="Like them",
        conditions={"match": "all", "conditions": [{"type": "alike", "audience": str(audience.pk), "count": 3}]},
    )
    over = {"match": "all", "conditions": [{"type": "audience", "op": "yes", "audience": str(alike.pk)}]}
    assert keeping.is_ranked(alike.conditions)
    assert keeping.is_ranked(over)
    assert not keeping.is_ranked(ENGLISH)


def test_who_is_erased_stands_nowhere(kept):
    audience, people = kept
    keeping.note([people[0].pk])
    member_erased.send(type(people[0]), member_id=people[0].pk)
    assert stored(audience) == set()
    assert not MemberNews.objects.exists()


# -- usage -------------------------------------------------------------------------------------------------------------


def test_a_used_audience_stays_and_says_by_whom_it_is_used(draft, everybody):
    campaign = draft()
    other = Audience.objects.create(
        name="Others",
        conditions={"match": "none", "conditions": [{"type": "audience", "op": "yes", "audience": str(everybody.pk)}]},
    )
    branch = {"steps": [{"kind": "branch", "conditions": TAGGED | {"conditions": other.conditions["conditions"]}}]}
    journey = Journey.objects.create(name="Welcome", draft=branch)
    assert [(use.kind, use.name, use.pk) for use in usage.of(everybody)] == [
        ("Campaign", "Spring", campaign.pk), ("Audience", "Others", other.pk), ("Journey", "Welcome", journey.pk)
    ]  # fmt: skip
    with pytest.raises(usage.InUse, match="Campaign “Spring”; Audience “Others”; Journey “Welcome”"):
        usage.delete(audience=everybody)
    assert Audience.objects.count() == 2
    revisions.note(audience=other, at=AT)
    usage.delete(audience=other)
    assert Audience.objects.get() == everybody, "what it was once goes with it"

"""Who asks to be forgotten is forgotten everywhere, for good, and the sums stay."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO

import pytest
import redis
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

import care.operations
import loyalty.operations
from loyalty.models import Tier, Transfer
from loyalty.queries import programme_totals
from loyalty.standing import TierGrant
from members import operations, rotation, signals
from members.knowing import CustomField
from members.models import Consent, ConsentProof, ErasedIdentifier, Erasure, Household, Member, User
from members.queries import find
from push.models import PushSubscription
from tests.flows import world

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)

PLANTED = {
    "given_name": "Plantagenet", "family_name": "Zweigelt", "email": "plantagenet.zweigelt@planted.example",
    "phone": "+12125550187", "card": "", "external_id": "EXT-PLANTED-771", "household": "The Zweigelts of Elm",
    "custom": "collects planted stamps", "network": "203.0.113.77", "proof": "said so beside the planted shelf",
    "endpoint": "https://fcm.googleapis.com/planted-endpoint", "secret": "planted-push-secret",
    "goodwill": "the planted lady was kept waiting", "gift": "for the planted birthday", "hold": "a planted cake, set aside",
    "review": "her planted husband explained it", "tier": "invited by the planted manager", "merge": "twice in the planted list",
    "case": "she planted a complaint", "task": "call the planted lady",
}  # fmt: skip


@pytest.fixture(autouse=True)
def erasure_log(settings, tmp_path):
    settings.ERASURE_LOG = str(tmp_path / "kept-apart" / "erasures.log")
    return tmp_path / "kept-apart" / "erasures.log"


@pytest.fixture
def planted():
    """A member with values that nobody else has, in every place that can hold one."""
    market = world.make(members_count=3, at=AT)
    member = operations.enrol(
        at=AT - timedelta(days=90), source="test", given_name=PLANTED["given_name"], family_name=PLANTED["family_name"],
        email=PLANTED["email"], phone=PLANTED["phone"], external_id=PLANTED["external_id"], birth_month=2, birth_day=29,
    )  # fmt: skip
    member.household = Household.objects.create(name=PLANTED["household"])
    member.save()
    for code, is_personal in (("hobby", False), ("motto", True)):
        CustomField.objects.create(code=code, label_en=code, kind="text", is_personal=is_personal)
    operations.set_custom_fields(member_id=member.pk, values={"hobby": PLANTED["custom"], "motto": PLANTED["custom"]})
    operations.note_touchpoint(
        kind="call", at=AT, source="test", client_key="1", member_id=member.pk, words=PLANTED["custom"]
    )
    for channel in ("email", "push"):
        operations.give_consent(
            member=member, channel=channel, is_granted=True, at=AT - timedelta(days=80), source="portal",
            address=PLANTED["network"], detail=PLANTED["proof"],
        )  # fmt: skip
    PushSubscription.objects.create(
        member=member, endpoint=PLANTED["endpoint"], endpoint_hash=b"e" * 16, p256dh="key", auth=PLANTED["secret"],
        subscribed_at=AT,
    )  # fmt: skip
    User.objects.create(username=f"member-{member.public_id}", member=member)
    PLANTED["card"] = member.identifiers.get(kind="card").value
    market.hero = member
    return member


@pytest.fixture
def spoken_of(planted):
    """The same member, with free words in every place where staff and other members can write some beside a person."""
    member, giver = planted, Member.objects.exclude(pk=planted.pk).filter(identifiers__isnull=False).earliest("pk")
    act = {"source": "desk", "at": AT}
    loyalty.operations.adjust(member_id=member.pk, points=50, reason=PLANTED["goodwill"], client_key="goodwill", by_user_id=None, **act)  # fmt: skip
    loyalty.operations.give_points(from_member_id=giver.pk, to_member_id=member.pk, points=10, note=PLANTED["gift"], client_key="gift", **act)  # fmt: skip
    held = loyalty.operations.hold(
        member_id=member.pk, points=5, note=PLANTED["hold"], client_key="hold", expires_at=AT + timedelta(days=1), **act
    )
    loyalty.operations.void(hold_id=held.hold.public_id, note=PLANTED["hold"], client_key="let go", **act)
    goodwill = Transfer.objects.get(client_key="goodwill", seq=0)
    review = loyalty.operations.hold_for_review(
        wallet_id=goodwill.wallet_id, version=goodwill.version, pattern="velocity", facts={}, at=AT
    )
    loyalty.operations.decide_review(
        review_id=review.review_id, release=True, reason=PLANTED["review"], by_user_id=None, at=AT
    )
    TierGrant.objects.create(
        wallet_id=goodwill.wallet_id, tier=Tier.objects.first(), kind="opening", cause="test", note=PLANTED["tier"], given_at=AT
    )  # fmt: skip
    other = operations.enrol(at=AT, source="test", email="her.other.address@example.com")
    loyalty.operations.merge_members(
        survivor_id=member.pk, absorbed_id=other.pk, by_user_id=None, reason=PLANTED["merge"], at=AT
    )
    clerk = operations.add_staff(email="clerk@example.com", roles=["service"])
    case = care.operations.open_case(
        topic="complaint", text=PLANTED["case"], channel="desk", at=AT, member_id=member.pk, source="desk", client_key="case"
    ).case  # fmt: skip
    care.operations.note(case=case, text=PLANTED["case"], by_user=clerk, at=AT)
    task = care.operations.add_task(title=PLANTED["task"], cause="test", at=AT, member_id=member.pk)
    care.operations.finish_task(task=task, outcome=PLANTED["task"], by_user=clerk, at=AT)
    return member


def everything_stored() -> str:
    """Every row of every table as text, encrypted columns opened as well, sessions unpacked, and all of Redis."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row for (row,) in cursor.fetchall()]
        cursor.execute("SELECT session_data FROM django_session")
        for (session,) in cursor.fetchall():
            found.append(base64.b64decode(session.partition(":")[0] + "==").decode(errors="replace"))
        for column in rotation.columns():
            table, _key, name = column.quoted()
            cursor.execute(f"SELECT {name} FROM {table}")
            found += [column.field.opened(value) for (value,) in cursor.fetchall() if value]
    if django_settings.EMBEDDED_REDIS:
        django_settings.EMBEDDED_REDIS.ensure()
    memory = redis.Redis.from_url(django_settings.REDIS_URL)
    found += [(memory.dump(key) or b"").decode(errors="replace") for key in memory.scan_iter()]
    return "\n".join(found)


def hits(text: str) -> set[str]:
    return {name for name, value in PLANTED.items() if value in text}


def erase(member, capture) -> Erasure:
    with capture(execute=True):
        return operations.erase(member_id=member.pk, at=AT, source="portal")


def test_planted_values_are_found_before_and_nowhere_after(spoken_of, django_capture_on_commit_callbacks, erasure_log):
    assert hits(everything_stored()) == set(PLANTED), "the search itself finds every one of them"
    verify = partial(call_command, "verify_ledger", stdout=StringIO())
    verify()
    erase(spoken_of, django_capture_on_commit_callbacks)
    verify()
    assert hits(everything_stored()) == set()
    assert hits(erasure_log.read_text()) == set()


def test_the_sums_of_the_ledger_stay_as_they_were(django_capture_on_commit_callbacks):
    market = world.make(members_count=3, at=AT)
    before = programme_totals(at=AT)
    assert before.issued > 0
    erase(market.hero, django_capture_on_commit_callbacks)
    assert programme_totals(at=AT) == before
    call_command("verify_ledger", stdout=StringIO())


def test_the_member_is_found_by_nothing_any_more(planted, django_capture_on_commit_callbacks):
    assert [one.pk for one in find(PLANTED["email"])] == [planted.pk]
    erase(planted, django_capture_on_commit_callbacks)
    planted.refresh_from_db()
    assert planted.status == Member.Status.ERASED
    assert planted.erased_at == AT
    assert (planted.name, planted.birth_month, planted.birth_day, planted.custom_fields) == ("", None, None, {})
    for said in (PLANTED["email"], PLANTED["phone"], PLANTED["card"], PLANTED["family_name"]):
        assert find(said) == []
    assert not User.objects.filter(member=planted).exists(), "whoever is signed in as them is signed out"


def test_consents_end_with_a_no_and_without_proof(planted, django_capture_on_commit_callbacks):
    erase(planted, django_capture_on_commit_callbacks)
    assert not Member.objects.reachable(channel="email", at=AT).filter(pk=planted.pk).exists()
    last = {c.channel: c.is_granted for c in Consent.objects.filter(member=planted).order_by("at", "pk")}
    assert last == {"email": False, "push": False}
    assert not ConsentProof.objects.filter(consent__member=planted).exists()


def test_asking_twice_changes_nothing(planted, django_capture_on_commit_callbacks, erasure_log):
    first = erase(planted, django_capture_on_commit_callbacks)
    words = Consent.objects.count()
    again = erase(planted, django_capture_on_commit_callbacks)
    assert again == first
    assert Consent.objects.count() == words
    assert len(erasure_log.read_text().splitlines()) == 1


def test_a_room_that_fails_is_told_again_until_it_has_forgotten(planted, django_capture_on_commit_callbacks):
    calls = []

    def weak(member_id, **_news):
        calls.append(member_id)
        if len(calls) == 1:
            raise ConnectionError("the room is shut")

    signals.member_erased.connect(weak)
    try:
        erasure = erase(planted, django_capture_on_commit_callbacks)
        erasure.refresh_from_db()
        assert erasure.done_at is None
        assert "the room is shut" in erasure.detail
        assert operations.finish_erasures() == 1
    finally:
        signals.member_erased.disconnect(weak)
    erasure.refresh_from_db()
    assert (erasure.done_at is not None, erasure.detail) == (True, "")
    assert calls == [planted.pk, planted.pk]
    assert operations.finish_erasures() == 0


def test_a_merged_record_is_not_the_one_to_erase(planted):
    Member.objects.filter(pk=planted.pk).update(status=Member.Status.MERGED)
    with pytest.raises(operations.CannotErase, match="merged into another"):
        operations.erase(member_id=planted.pk, at=AT, source="desk")
    assert planted.identifiers.count() == 4


# -- coming back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["email", "phone", "external_id"])
def test_an_import_cannot_bring_the_person_back(planted, django_capture_on_commit_callbacks, tmp_path, field):
    erase(planted, django_capture_on_commit_callbacks)
    file, rejects = tmp_path / "members.csv", tmp_path / "rejects.csv"
    other = "external_id" if field != "external_id" else "email"
    file.write_text(f"given_name,{field},{other}\nPlantagenet,{PLANTED[field]},\nSomebody,,new@example.com\n")
    before = set(Member.objects.values_list("pk", flat=True))
    call_command("import_members", str(file), rejects=rejects, verbosity=0)
    assert [one.given_name for one in Member.objects.exclude(pk__in=before)] == ["Somebody"]
    told = rejects.read_text(encoding="utf-8-sig").splitlines()[1]
    assert told.startswith(f'"2","{field}","This person asked to be erased.')


def test_who_joins_again_is_welcome_and_no_longer_kept_out(planted, django_capture_on_commit_callbacks):
    erase(planted, django_capture_on_commit_callbacks)
    assert ErasedIdentifier.objects.filter(kind="email").count() == 1
    again = operations.enrol(at=AT + timedelta(days=1), source="portal", email=PLANTED["email"])
    assert again.pk != planted.pk
    assert not ErasedIdentifier.objects.filter(kind="email").exists()


def test_after_a_restore_the_log_erases_again(
    planted, spoken_of, django_capture_on_commit_callbacks, erasure_log, tmp_path
):
    erasure_log.parent.mkdir()
    erasure_log.write_text(
        json.dumps({"member": str(planted.public_id), "asked_at": AT.isoformat()})
        + "\n\n"
        + json.dumps({"member": "00000000-0000-0000-0000-000000000000", "asked_at": AT.isoformat()})
        + "\n"
    )
    out = StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("reapply_erasures", stdout=out)
    assert out.getvalue() == "1 members were erased again.\n"
    assert hits(everything_stored()) == set()
    out = StringIO()
    call_command("reapply_erasures", stdout=out)
    assert out.getvalue() == "0 members were erased again.\n"


def test_a_damaged_or_missing_log_says_what_to_do(planted, tmp_path):
    with pytest.raises(CommandError, match="kept apart from the backup"):
        call_command("reapply_erasures", str(tmp_path / "none.log"))
    damaged = tmp_path / "damaged.log"
    damaged.write_text('{"member": "x\n')
    with pytest.raises(CommandError, match="Line 1 of the erasure log"):
        call_command("reapply_erasures", str(damaged))
    assert not Erasure.objects.exists()


# -- no table is forgotten ---------------------------------------------------------------------------------------------

# What becomes of every table that names a member when the member is erased. A new table without a row fails here, so that
# whoever adds one decides it, and tells members.signals.personal_data_asked and member_erased in the room's receivers.
FATES = {
    "campaigns.AudienceMember": "deleted", "campaigns.MemberNews": "deleted",
    "care.Case": "kept without words", "care.Invitation": "kept without words", "care.Opportunity": "kept without words",
    "care.Task": "kept without words", "campaigns.Entry": "deleted", "campaigns.HistoricalResponse": "deleted", "campaigns.Recipient": "deleted", "campaigns.RehearsalOutcome": "deleted",
    "campaigns.Enrolment": "kept without a name", "campaigns.MemberDriver": "deleted", "campaigns.EarlyWarning": "deleted", "campaigns.PortalNote": "deleted",
    "delivery.Message": "kept without words", "experiments.Assignment": "kept without a name", "campaigns.Tally": "kept without a name",
    "insights.Score": "deleted",
    "loyalty.Entitlement": "deleted", "loyalty.GiftCard": "kept without a name",
    "loyalty.MemberEvent": "kept without a name", "loyalty.Membership": "kept without a name",
    "loyalty.PoolShare": "kept without a name", "loyalty.Referral": "kept without a name",
    "loyalty.ReferralCode": "deleted", "loyalty.Remark": "deleted", "loyalty.Wallet": "kept without a name", "members.Access": "kept without a name",
    "members.AskedConsent": "kept without a name", "members.CustomValue": "deleted", "members.MemberTag": "deleted", "members.StageChange": "kept without a name",
    "members.Touchpoint": "deleted",
    "members.DuplicatePair": "deleted, whichever of the two it was", "members.Consent": "kept without a name", "members.Erasure": "kept without a name", "members.Identifier": "deleted",
    "members.Member": "emptied", "members.MemberMerge": "kept without a name", "members.Passkey": "deleted",
    "members.SearchToken": "deleted",
    "members.User": "deleted", "push.PushSubscription": "deleted", "push.AppInstallation": "deleted", "recommender.Decision": "deleted",
    "recommender.Dismissal": "deleted", "recommender.Dropped": "deleted", "recommender.MemberContext": "deleted", "recommender.Situation": "deleted",
    "recommender.Exposure": "deleted", "recommender.ListState": "deleted", "recommender.Recommendation": "deleted", "sales.Purchase": "kept without a name",
}  # fmt: skip


def test_every_table_that_names_a_member_says_what_becomes_of_it():
    naming = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.local_fields
        if field.is_relation and field.related_model is Member
    }
    assert naming == set(FATES)


def test_what_is_said_to_be_deleted_is(django_capture_on_commit_callbacks):
    member = world.make(members_count=2, at=AT).hero
    erase(member, django_capture_on_commit_callbacks)
    left = {
        model._meta.label
        for model in apps.get_models()
        if FATES.get(model._meta.label) == "deleted" and model._default_manager.filter(member_id=member.pk).exists()
    }
    assert left == set()

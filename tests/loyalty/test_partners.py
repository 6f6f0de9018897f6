"""Partners give and accept points, and fund rewards by shares; the settlement is what the ledger's rows say, to the unit."""

import io
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries, settling
from loyalty.models import Account, Funding, Partner, Reward, Transfer, Wallet
from members.cards import new_card_number
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.verdict import assert_sound


def terms(valid_from=date(2026, 1, 1), issue=1_000, accept=800):
    return operations.Terms(valid_from, "USD", issue, accept)


def settled(month=date(2026, 3, 1)):
    return [
        (line.partner.code, line.kind, line.acts, line.points, line.owed_minor)
        for line in settling.settlement(month=month)
    ]


def test_what_a_partner_gives_and_accepts_is_settled_from_the_ledger(shop):
    bakery = operations.add_partner(code="bakery", name="Bakery", terms=terms())
    member = shop.member()
    first = operations.issue_points(partner=bakery, member_id=member.pk, points=333, client_key="i1", at=MARCH)
    assert (first.available, first.is_replay) == (333, False)
    assert operations.issue_points(partner=bakery, member_id=member.pk, points=333, client_key="i1", at=MARCH).is_replay
    with pytest.raises(operations.KeyReused):
        operations.issue_points(partner=bakery, member_id=member.pk, points=334, client_key="i1", at=MARCH)
    operations.accept_points(partner=bakery, member_id=member.pk, points=100, client_key="a1", at=MARCH)
    with pytest.raises(operations.NotEnoughPoints):
        operations.accept_points(partner=bakery, member_id=member.pk, points=234, client_key="a2", at=MARCH)
    assert queries.entries(member.pk)[1].sentence == "333 points: from a partner – Bakery"
    assert settled() == [("bakery", "accepted", 1, 100, -80), ("bakery", "issued", 1, 333, 333)]
    assert settled(date(2026, 4, 1)) == []
    issued = Transfer.objects.filter(source=bakery.source, debit_account=Account.PARTNER).values_list(
        "points", flat=True
    )
    assert sum(issued) == 333
    file = io.StringIO()
    settling.write_csv(settling.settlement(month=date(2026, 3, 1)), file)
    assert file.getvalue().splitlines()[1] == "bakery,Bakery,accepted,2026-01-01,USD,1,100,-80"
    assert_sound()


def test_new_terms_hold_from_their_day_and_old_acts_keep_theirs(shop):
    bakery = operations.add_partner(code="bakery", name="Bakery", terms=terms())
    operations.agree_terms(partner=bakery, terms=terms(date(2026, 3, 15), issue=2_000))
    member = shop.member()
    for key, at in (("old", MARCH), ("new", MARCH + timedelta(days=10))):
        operations.issue_points(partner=bakery, member_id=member.pk, points=500, client_key=key, at=at)
    assert settled() == [("bakery", "issued", 1, 500, 500), ("bakery", "issued", 1, 500, 1_000)]
    with pytest.raises(operations.CannotPartner, match="later day"):
        operations.agree_terms(partner=bakery, terms=terms(date(2026, 2, 1)))


def test_a_partner_without_agreement_moves_nothing(shop):
    bakery = operations.add_partner(code="bakery", name="Bakery", terms=terms(), may_issue=False)
    member = shop.member()
    with pytest.raises(operations.CannotPartner, match="no agreement"):
        operations.issue_points(partner=bakery, member_id=member.pk, points=5, client_key="i", at=MARCH)
    operations.change_partner(partner=bakery, is_active=False, may_issue=True, may_accept=True)
    with pytest.raises(operations.CannotPartner, match="no agreement"):
        operations.accept_points(partner=bakery, member_id=member.pk, points=5, client_key="a", at=MARCH)
    with pytest.raises(operations.CannotPartner, match="already"):
        operations.add_partner(code="bakery", name="Again", terms=terms())
    assert Transfer.objects.count() == 0


def test_two_partners_fund_one_reward_by_shares(shop):
    for code in ("bakery", "cinema"):
        operations.add_partner(code=code, name=code.title(), terms=terms())
    operations.set_funders(cause="reward:7", percents={"bakery": 60, "cinema": 40})
    member = shop.member()
    shop.adjust(member, 1_001)
    moved = shop.redeem(member, 1_001, key="reward-7")
    for _ in range(2):
        borne = operations.fund_act(
            source="till", client_key="reward-7", kind="redeemed", cause="reward:7", points=moved.points, at=MARCH
        )
    assert borne == 1_001
    assert settled() == [("bakery", "funded", 1, 601, 481), ("cinema", "funded", 1, 400, 320)]
    with pytest.raises(operations.CannotPartner, match="at most the whole"):
        operations.set_funders(cause="reward:7", percents={"bakery": 60, "cinema": 41})


def test_a_reward_handed_out_is_borne_by_its_partners_and_no_more_when_it_comes_back(shop):
    operations.add_partner(code="bakery", name="Bakery", terms=terms())
    reward = Reward.objects.create(name_en="Bread", kind="amount", amount=300, points=101, valid_from=MARCH)
    operations.set_funders(cause=f"reward:{reward.pk}", percents={"bakery": 50})
    member = shop.member()
    shop.adjust(member, 500)
    given_out = operations.redeem_reward(
        member_id=member.pk, reward_id=reward.pk, source="till", client_key="r1", at=MARCH
    )
    assert settled() == [("bakery", "funded", 1, 50, 40)]
    operations.reverse_redemption(
        redemption_id=given_out.redemption.public_id, source="till", client_key="r2", at=MARCH
    )
    assert settled() == [("bakery", "funded", 1, 50, 40), ("bakery", "unfunded", 1, 50, -40)]
    assert_sound()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(points=st.integers(1, 10**9), percents=st.lists(st.integers(1, 33), min_size=1, max_size=3))
def test_shares_come_to_the_funded_part_to_the_unit(db, points, percents):
    open_shop()
    codes = [f"p{n}-{Partner.objects.count()}" for n in range(len(percents))]
    for code in codes:
        operations.add_partner(code=code, name=code, terms=terms())
    cause = f"reward:{codes[0]}"
    operations.set_funders(cause=cause, percents=dict(zip(codes, percents, strict=True)))
    borne = operations.fund_act(source="till", client_key=cause, kind="redeemed", cause=cause, points=points, at=MARCH)
    assert borne == points * sum(percents) // 100
    for funding in Funding.objects.filter(cause=cause):
        exact = points * percents[codes.index(funding.partner.code)]
        assert abs(funding.points * 100 - exact) < 100


def test_opening_balances_come_in_whole_or_not_at_all(shop, tmp_path, capsys):
    from django.core.management import CommandError, call_command

    one, two, nobody = (new_card_number() for _ in range(3))
    members = [shop.member(card) for card in (one, two)]
    file = tmp_path / "balances.csv"
    file.write_text(
        f"card,points,expires_on,tier,tier_until\n{one},1200,2099-03-31,gold,2099-12-31\n{one},5,2099-04-30,,\n{two},300,,,\n"
    )
    with pytest.raises(CommandError, match="control totals are 2 and 1,600"):
        call_command("import_balances", file, control_members=2, control_points=1600)
    assert Transfer.objects.count() == 0
    for _ in range(2):
        call_command("import_balances", file, control_members=2, control_points=1505)
    assert "1,505 points brought in now" in capsys.readouterr().out
    first, second = (Wallet.objects.get(member=member) for member in members)
    assert (first.available, second.available) == (1_205, 300)
    assert first.lot_expires_on == [date(2099, 3, 31), date(2099, 4, 30)]
    assert first.tier.code == "gold"
    assert set(Transfer.objects.values_list("debit_account", flat=True)) == {Account.OPENING}
    file.write_text(f"card,points\n{one},7\n{nobody},1\n")
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(CommandError, match="1 rows cannot be brought in"):
        call_command("import_balances", file, control_members=2, control_points=8, rejects=rejects, source="other")
    assert "No member is known by it." in rejects.read_text(encoding="utf-8-sig")
    assert Transfer.objects.count() == 3
    assert_sound()

"""What an audience was can be seen and brought back; what was changed in the builder can be taken back."""

import json

import pytest

from campaigns import audiences
from campaigns.memberships import revisions
from campaigns.models import Audience
from cms.audiencing import building
from tests.campaigns.people import AT

QUIET = {"match": "all", "conditions": [{"type": "language", "languages": ["en"]}]}
LOUD = {"match": "any", "conditions": [{"type": "language", "languages": ["zh-hans"]}]}


def saved(audience, conditions):
    before, audience.conditions = audience.conditions, conditions
    audience.save()
    return revisions.note(audience=audience, at=AT, before=before)


@pytest.mark.django_db
def test_each_saving_is_kept_and_an_older_one_holds_again_as_a_revision_of_its_own():
    audience = Audience.objects.create(name="Readers", conditions=QUIET)
    assert [saved(audience, LOUD), saved(audience, LOUD)] == [2, 2], (
        "the first is what it was before; nothing new is no revision"
    )
    restored = revisions.restore(audience=audience, number=1, at=AT)
    assert restored.conditions == QUIET
    assert [(one.number, one.conditions) for one in revisions.of(audience)] == [(3, QUIET), (2, LOUD), (1, QUIET)]
    with pytest.raises(revisions.NoRevision):
        revisions.restore(audience=audience, number=9, at=AT)


@pytest.mark.django_db
def test_a_revision_that_would_go_in_a_circle_is_not_brought_back():
    audience, other = (Audience.objects.create(name=name, conditions=QUIET) for name in ("One", "Other"))
    saved(audience, {"match": "all", "conditions": [{"type": "audience", "op": "yes", "audience": str(other.pk)}]})
    saved(audience, QUIET)
    other.conditions = {"match": "all", "conditions": [{"type": "audience", "op": "yes", "audience": str(audience.pk)}]}
    other.save()
    with pytest.raises(audiences.Invalid, match="circle"):
        revisions.restore(audience=audience, number=2, at=AT)
    audience.refresh_from_db()
    assert audience.conditions == QUIET


class Posted(dict):
    """A form as the page posts it."""

    def getlist(self, name):
        return self.get(name, [])


def form(tree, past, act):
    told = Posted(act=act, past=json.dumps(past))

    def put(node, place):
        told[f"n.{place}.kind"] = "group" if "conditions" in node else node["type"]
        for name, value in node.items():
            if name != "conditions":
                told[f"n.{place}.{name}"] = value
        for i, inner in enumerate(node.get("conditions", ())):
            put(inner, f"{place}.{i}")

    put(tree, "0")
    return told


def test_changes_in_the_builder_are_taken_back_one_after_another():
    tree, past = building.after(form(QUIET, [], "remove:0.0"))
    assert (tree["conditions"], past) == ([], [QUIET])
    tree, past = building.after(form(tree, past, "group:0"))
    assert len(past) == 2
    for _step in range(2):
        tree, past = building.after(form(tree, past, "undo"))
    assert (tree, past) == (QUIET, [])
    assert building.after(form(QUIET, [], "undo")) == (QUIET, [])


def test_a_page_carries_no_more_than_twenty_changes_and_no_nonsense():
    tree, past = QUIET, []
    for _n in range(25):
        tree, past = building.after(form(tree, past, "group:0"))
    assert len(past) == building.UNDO_MAX
    assert building.after(form(QUIET, ["no tree", {"type": "shoe_size"}], "undo")) == (QUIET, [])

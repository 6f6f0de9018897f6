"""A member who asks at the desk."""

import io
import zipfile

import pytest

from members.models import Access, Member


@pytest.fixture(autouse=True)
def erasure_log(settings, tmp_path):
    settings.ERASURE_LOG = str(tmp_path / "erasures.log")


def test_the_desk_hands_out_the_data_and_it_is_written_down(desk, help_desk):
    answer = desk.get(f"{help_desk.page}data/")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        assert "maria@example.com" in files.read("data.json").decode()
    assert Access.objects.filter(member=help_desk.maria, act="exported", user=help_desk.agent).count() == 1


def test_erasing_needs_the_word_that_the_member_asked(desk, help_desk):
    page = desk.post(f"{help_desk.page}erase/").content.decode()
    assert "only the member may ask for it" in page
    assert Member.objects.get(pk=help_desk.maria.pk).status == "active"


def test_the_desk_erases_and_it_is_written_down(desk, help_desk):
    answer = desk.post(f"{help_desk.page}erase/", {"is_asked_for": "on"}, follow=True)
    assert "The member is erased" in answer.content.decode()
    maria = Member.objects.get(pk=help_desk.maria.pk)
    assert (maria.status, maria.name) == ("erased", "")
    assert maria.erasure.by_user == help_desk.agent
    assert Access.objects.filter(member=maria, act="erased").count() == 1


def test_a_merged_record_is_refused_in_words(desk, help_desk):
    Member.objects.filter(pk=help_desk.maria.pk).update(status="merged")
    answer = desk.post(f"{help_desk.page}erase/", {"is_asked_for": "on"}, follow=True)
    assert answer.status_code == 404 or "merged into another member" in answer.content.decode()
    assert Member.objects.get(pk=help_desk.maria.pk).given_name == "Maria"

import pytest
from django.conf import settings

from emails import operations, previewing, starters

SITE = "https://regulars.example.com"


@pytest.fixture
def template(db):
    """The win-back starter, published in English and Chinese."""
    return starters.write("win_back", name="Win back")


@pytest.fixture
def message():
    return previewing.example_facts()


@pytest.fixture
def freeze():
    """Freeze, for this test's site."""

    def frozen(template, language="en"):
        return operations.freeze(template=template, language=language, site_url=SITE)

    return frozen


@pytest.fixture
def values():
    return previewing.sample_values("en", site_url=settings.SITE_URL)

"""The till's ten promises in a real browser, each at one width; the drill holds them at every look (drills/screens.py)."""

import pytest

from tests.pos import checks
from tests.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
WIDTHS = [1280, 360, 768]


@pytest.fixture(autouse=True)
def pins_that_are_quick_to_check(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.parametrize("number", range(len(checks.CHECKS)), ids=[check.__name__ for check in checks.CHECKS])
def test_the_till(browser, site, number):
    theme, language = ("light", "en") if number % 2 else ("dark", "zh-hans")
    stage = Stage(browser, site, width=WIDTHS[number % 3], theme=theme, language=language)
    try:
        checks.CHECKS[number](stage, checks.set_up())
    finally:
        stage.close()

"""The portal's promises in a real browser, each at one look; the drill holds them at every one (drills/screens.py)."""

import pytest

from tests.portal import checks
from tests.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
# One scene for each group: making it costs as much as a check.
GROUPS = {
    "phone": (360, "light", "en", slice(0, 4)),
    "tablet": (768, "dark", "zh-hans", slice(4, 7)),
    "desk": (1280, "light", "zh-hans", slice(7, None)),
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_portal(browser, site, settings, tmp_path, group):
    settings.ERASURE_LOG = str(tmp_path / "erasures.log")
    width, theme, language, chosen = GROUPS[group]
    scene = checks.set_up()
    for check in checks.CHECKS[chosen]:
        stage = Stage(browser, site, width=width, theme=theme, language=language)
        try:
            check(stage, scene)
        finally:
            stage.close()

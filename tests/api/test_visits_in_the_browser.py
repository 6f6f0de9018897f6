"""The script of visits in a real browser, on a page of another address."""

import pytest

from members.knowing import Touchpoint
from members.models import VisitSite
from tests.conftest import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CARRIES = """
([source, key]) => {
  history.replaceState(null, "", "/shop/tea");
  const tag = document.createElement("script");
  Object.assign(tag.dataset, { site: key });
  tag.src = source;
  document.head.append(tag);
}
"""


def test_in_a_browser_nothing_leaves_before_the_yes_and_each_view_leaves_once(site, browser):
    """A page of another address carries our script; it asks nobody else for anything and keeps no cookie."""
    host = site.replace("127.0.0.1", "localhost")
    shop = VisitSite.objects.create(name="Shop", origins=[host])
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{host}/staff/login/")
    context.clear_cookies()
    asked = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    page.evaluate(CARRIES, [f"{site}/api/v1/visits.js", shop.key])
    page.wait_for_function("window.regulars")
    assert [url for method, url in asked if method == "POST"] == []
    with page.expect_response("**/api/v1/visits") as answered:
        page.evaluate("regulars.consent(true); regulars.view(); regulars.view(); regulars.search('green tea')")
    assert answered.value.status == 200
    page.wait_for_function("regulars.visitor() !== ''")
    assert sorted(Touchpoint.objects.values_list("kind", "subject")) == [("page", "/shop/tea"), ("search", "green tea")]
    assert {url.split("/")[2] for _method, url in asked} <= {site.split("/")[2], host.split("/")[2]}, (
        "nobody else is asked"
    )
    page.evaluate("regulars.consent(false); regulars.view('/shop/secret')")
    assert page.evaluate("[regulars.visitor(), localStorage.getItem('regulars-visitor')]") == ["", None]
    assert not [one["name"] for one in context.cookies() if "regulars" in one["name"] or "visit" in one["name"]]
    context.close()

"""Loyalty's staff door: the menu “Programme” in the Wagtail admin. Each subject registers its own pages in a module here."""

from loyalty.authoring import hooks as authoring  # noqa: F401 -- rules and what-ifs
from loyalty.catalogue import hooks as catalogue  # noqa: F401
from loyalty.programme import hooks as programme  # noqa: F401 -- the menu itself and its overview
from loyalty.standing_pages import hooks as standing_pages  # noqa: F401 -- tiers, partners, memberships
from loyalty.tagging import hooks as tagging  # noqa: F401 -- tags of products
from loyalty.watching import hooks as watching  # noqa: F401 -- reviews, stopped wallets, the value of a point

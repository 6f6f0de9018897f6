"""The machines' part of the staff's admin: what was refused them."""

from api.refused_orders import hooks  # noqa: F401 -- registers the page of refused orders

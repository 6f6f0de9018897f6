"""Which till somebody stands at: one store of theirs, and the source its sales are told under."""

from dataclasses import dataclass

from members.access import stores_of


@dataclass(frozen=True)
class Till:
    """A store, the other stores of the same cashier, and the name that this till's sales carry."""

    store: object
    stores: list

    @property
    def source(self) -> str:
        return f"till:{self.store.code}"


def till_of(request) -> Till | None:
    """The till of this session: the store chosen, else the cashier's first. None for somebody without a store."""
    stores = list(stores_of(request.user).order_by("name", "code"))
    if not stores:
        return None
    chosen = request.session.get("store")
    return Till(next((store for store in stores if store.code == chosen), stores[0]), stores)

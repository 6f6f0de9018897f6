"""Migrations in a quarter of the time: after a step only the model that changed is rendered again, not all that lead to it.

Django renders every model that is related to a changed one, through any number of others, after each operation. Where most
tables lead to the member that is most tables, a thousand times. What a schema operation asks of a neighbour is its table and
its key, and those are the same in a class rendered earlier. Code of a migration (`RunPython`) gets everything rendered anew,
as Django itself does after any step it calls delayed; so does a step after a rename, or after a change of a column that
others refer to. `make drill ONLY=migrations` holds the schema made so against the one made by Django's own way.
"""

from contextlib import contextmanager
from functools import wraps

from django.db.migrations.state import ProjectState


def _reload_model(state, app_label, model_name, delay=False):
    """Render the model alone when it was only added to, or nothing refers to what changed (`delay`); else all, when next asked."""
    if "apps" not in state.__dict__:  # asking for the attribute would render them
        return
    if delay or getattr(state, "adds_only", False):
        state.is_delayed = True
        state._reload({(app_label, model_name)})  # noqa: SLF001 (as Django's own method does)
    else:
        _reload_all(state)


def _reload_all(state, *_models, **_delay):
    state.__dict__.pop("apps", None)


def _adding(verb):
    @wraps(verb)
    def add(state, *args, **kwargs):
        state.adds_only = True
        try:
            return verb(state, *args, **kwargs)
        finally:
            state.adds_only = False

    return add


@contextmanager
def rendered_alone():
    """Within it, migrations render what changes alone."""
    theirs = {name: getattr(ProjectState, name) for name in ("reload_model", "reload_models", "add_model", "add_field")}
    ours = {
        "reload_model": _reload_model, "reload_models": _reload_all,
        "add_model": _adding(theirs["add_model"]), "add_field": _adding(theirs["add_field"]),
    }  # fmt: skip
    _set(ours)
    try:
        yield
    finally:
        _set(theirs)


def _set(methods: dict):
    for name, method in methods.items():
        setattr(ProjectState, name, method)

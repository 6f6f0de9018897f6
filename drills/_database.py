"""A migrated database of a drill's own on the embedded server, dropped at the end: a clone of the template that benches use too."""

from bench._scratch import database

__all__ = ["database"]

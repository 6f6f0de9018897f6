"""What the machines of a drill run: the house as it is, on the drill's database. Granian serves `application`, Celery `app`.

The salts of experiments follow from their names, so that two houses draw the same arms and may be held against each other.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.conf import settings

settings.DATABASES["default"]["NAME"] = os.environ["DRILL_DATABASE"]
django.setup()

import experiments.operations  # after the apps are ready  # noqa: E402

_create = experiments.operations.create
experiments.operations.create = lambda **facts: _create(**{"salt": f"drill {facts['name']}", **facts})

from django.core.wsgi import get_wsgi_application  # noqa: E402

from config.celery import app  # noqa: E402

application = get_wsgi_application()

__all__ = ["app", "application"]

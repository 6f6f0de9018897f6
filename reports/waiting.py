"""Pages whose question may take long: where it was never asked before, a worker answers it and the page looks again by itself."""

import functools
import hashlib

from django.core.cache import cache
from django.db import connection
from django.shortcuts import render
from django.utils import translation
from kombu.exceptions import OperationalError

from members import clock
from reports import readings

LOOK_AGAIN_S = 3
BEGUN_S = 600
"""A question that a worker has is not handed out again for so long."""


def begin(question: readings.Question) -> None:
    """Hand a question to a worker, once. Without a broker it is answered here and now."""
    from reports.tasks import read_once  # late: tasks import what asks here

    language = translation.get_language()
    name = hashlib.sha256(f"{connection.settings_dict['NAME']}:{language}:{question.name}".encode()).hexdigest()
    if not cache.add(f"reports:begun:{name}", 1, BEGUN_S):
        return
    try:
        read_once.delay(question.name, language)
    except (OperationalError, ConnectionError, OSError):
        readings.read_once(question.name, at=clock.now())


def patient(view):
    """Show that it is being counted, and look again soon, where the view's question has no answer yet."""

    @functools.wraps(view)
    def shown(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except readings.StillCounting:
            response = render(request, "reports/counting.html", status=202)
            response["Refresh"] = str(LOOK_AGAIN_S)
            response["Cache-Control"] = "no-store"
            return response

    return shown

"""The pages of crossings: any two dimensions, the people behind a cell, and the views a person keeps."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import clock
from members.access import Role, has_role
from reports import crossing, definitions, exports
from reports.figures import readers, sees_persons
from reports.models import SavedView
from reports.waiting import begin, patient

VIEWS_MAX = 30


def _asked(request) -> crossing.Question:
    try:
        return crossing.asked(request.GET)
    except crossing.BadCrossing as reason:
        raise Http404(str(reason)) from None


@readers
@require_GET
@patient
def crossed(request):
    """The crossing as a grid whose every figure leads to its people."""
    question, sees = _asked(request), sees_persons(request.user)
    found = crossing.cross(question, at=clock.now(), begin=begin)
    query = _query(question)
    context = {
        "question": question,
        "at": found.at,
        "dimensions": crossing.DIMENSIONS,
        "measures": crossing.MEASURES,
        "months": crossing.MONTHS,
        "unit": crossing.MEASURES[question.measure][1],
        "columns": [crossing.words_of(question.columns, one) for one in found.columns],
        "grid": [_line(found, row, query, sees) for row in [*found.rows, None]],
        "query": query,
        "views": SavedView.objects.filter(user=request.user),
        "definitions": definitions.CROSSED,
        "adds_up": question.measure in ("sales", "purchases"),
    }
    return render(request, "reports/crossing.html", context)


def _query(question) -> str:
    return urlencode(
        {"rows": question.rows, "columns": question.columns, "measure": question.measure, "months": question.months}
    )


def _line(found, row, query, sees) -> dict:
    cells = []
    for column in [*found.columns, None]:
        value = found.value(row, column, sees_persons=sees)
        at = {name: held for name, held in (("row", row), ("column", column)) if held is not None}
        cells.append(
            {
                "value": value, "is_hidden": found.is_hidden(row, column, sees_persons=sees),
                "url": f"{reverse('reports:crossing_people')}?{query}&{urlencode(at)}" if value is not None else "",
            }
        )  # fmt: skip
    return {"name": crossing.words_of(found.question.rows, row), "cells": cells, "is_total": row is None}


@readers
@require_GET
@patient
def export(request, kind):
    found = crossing.cross(_asked(request), at=clock.now(), begin=begin)
    table = crossing.as_table(found, sees_persons=sees_persons(request.user))
    return (
        exports.table_csv("crossing.csv", table) if kind == "csv" else exports.table_parquet("crossing.parquet", table)
    )


@readers
@require_GET
@patient
def people(request):
    """Who stands behind one figure: no names here, and no group of under ten for who may not open members."""
    question, sees = _asked(request), sees_persons(request.user)
    row, column = request.GET.get("row"), request.GET.get("column")
    counted = crossing.cross(question, at=clock.now(), begin=begin)
    hidden, at = counted.is_hidden(row, column, sees_persons=sees), counted.at
    found = [] if hidden else crossing.people(question, row=row, column=column, at=at, begin=begin)
    context = {
        "at": at, "people": found, "count": found[0][4] if found else 0, "is_hidden": hidden, "opens_members": has_role(request.user, Role.SERVICE),
        "shown": crossing.PEOPLE_SHOWN, "back": f"{reverse('reports:crossing')}?{_query(question)}",
        "where": [
            (crossing.DIMENSIONS[name].label, crossing.words_of(name, value))
            for name, value in ((question.rows, row), (question.columns, column)) if value is not None
        ],
    }  # fmt: skip
    return render(request, "reports/people.html", context)


@readers
@require_POST
def save(request):
    """Keep this crossing under a name; the same name again replaces it."""
    try:
        question = crossing.asked(request.POST)
    except crossing.BadCrossing as reason:
        raise Http404(str(reason)) from None
    name = request.POST.get("name", "").strip()[:80]
    kept = SavedView.objects.filter(user=request.user)
    if not name:
        messages.error(request, _("Give the view a name."))
    elif kept.count() >= VIEWS_MAX and not kept.filter(name=name).exists():
        messages.error(request, _("You keep %(n)s views already; remove one first.") % {"n": VIEWS_MAX})
    else:
        kept.update_or_create(
            user=request.user, name=name, defaults={"question": _query(question), "created_at": clock.now()}
        )
        messages.success(request, _("Kept as “%(name)s”.") % {"name": name})
    return redirect(f"{reverse('reports:crossing')}?{_query(question)}")


@readers
@require_POST
def forget(request, pk):
    """Remove a kept view; of another person's nothing is known here."""
    if not SavedView.objects.filter(user=request.user, pk=pk).delete()[0]:
        raise Http404(_("There is no such view."))
    return redirect("reports:crossing")

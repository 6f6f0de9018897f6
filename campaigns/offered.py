"""What choosers offer: nothing that only a module gives which is switched off.

What uses it already is still read, edited and run: switching off changes what is begun, not what was made.
"""

from members import modules

#: Code of a condition, a kind of step or a happening → the module it needs. Everything else is there whatever is switched off.
NEEDS = {
    "survey_score": "surveys", "case": "cases", "open_case": "cases", "offer": "offers", "offer_expiring": "offers", "task": "tasks",
    "stays_for": "retention", "warned": "retention",
    "push": "push",
}  # fmt: skip


def is_offered(code: str) -> bool:
    return code not in NEEDS or modules.is_on(NEEDS[code])

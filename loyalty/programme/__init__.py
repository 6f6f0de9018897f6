"""The pages on which a manager runs the programme: the menu they hang in, and its overview.

A page asks `managers_only` (who may change) or `readers_only` (who may look) and makes one call to `loyalty.queries` or
`loyalty.operations`; its template extends `loyalty/programme/shell.html`.
"""

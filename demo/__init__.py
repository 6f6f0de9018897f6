"""The demo: a fictional shop over real purchases, a recording inbox and push endpoint, and the tour.

Stands above every door and is not installed in production. What it invents, it labels.
"""

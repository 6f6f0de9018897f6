"""The roof: settings, addresses, Celery, the embedded servers. The only reader of the environment.

Nothing imports this package but the programs that start the house, and migrations their `config.db.functions`.
"""

"""A whole programme as files of exchange, out and in again: fields, stores, products, members, purchases, balances.

`writing` makes a folder, `reading` takes one into an empty house; what it writes then is the same to the byte. The formats are
those of the importers (docs/formats.md). What is not in it (messages, cases, campaigns, the ledger's own history) moves with a
backup of the database.
"""

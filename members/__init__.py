"""Members: who they are, how they are recognised, what they allowed.

Knows people, households, identifiers and consent; never what anybody bought, earned or was sent.
Personal fields are encrypted; they are found again by keyed hashes.
"""

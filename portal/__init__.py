"""The member's door: card, points, offers, preferences.

Translates, makes one call, translates back. Another member's object does not exist here.
"""

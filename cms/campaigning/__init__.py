"""Audiences and campaigns in the admin: the builder, the checks, the buttons, and where everybody is."""

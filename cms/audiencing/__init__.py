"""Audiences in the admin: the builder with its live count, lists by upload, who is in and why, and who uses them."""

"""Where users of the admin say what could be better; the page itself is the same at every door (desk/feedback.py)."""

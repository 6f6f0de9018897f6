"""What the person who runs delivery sees of it, in the Wagtail admin."""

"""What the demo remembers about itself."""

from django.db import models


class Chapter(models.Model):
    """A finished part of the demo's story: a second `make demo` goes on after it, whatever ended the first."""

    name = models.CharField(max_length=40, unique=True)
    finished_at = models.DateTimeField(auto_now_add=True)
    facts = models.JSONField(default=dict)

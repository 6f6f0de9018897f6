"""What a site says of itself: which modules it switched off, and which web shops may tell what visitors look at."""

import secrets
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class ModuleSwitch(models.Model):
    """A part of the house that was switched off, or on again. What has no row is on. See members/modules.py."""

    code = models.CharField(max_length=30, unique=True)
    is_on = models.BooleanField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey("members.User", null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self):
        return self.code


def new_site_key() -> str:
    return secrets.token_urlsafe(12)


class VisitSite(models.Model):
    """A web shop whose pages carry our script. Its key is public; what it sends is taken from its own addresses only."""

    name = models.CharField(_("name"), max_length=80)
    key = models.CharField(_("key"), max_length=40, unique=True, default=new_site_key, editable=False)
    origins = models.JSONField(
        _("addresses"), default=list,
        help_text=_("One a line, as a browser names it: https://shop.example.com"),
    )  # fmt: skip
    is_live = models.BooleanField(_("live"), default=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("web shop")
        verbose_name_plural = _("web shops")

    def __str__(self):
        return self.name

    @property
    def source(self) -> str:
        """The name its touchpoints stand under."""
        return f"web:{self.key}"

    def clean(self):
        """Keep each address as a browser says it in its Origin header: scheme and host, no path."""
        kept = []
        for line in self.origins:
            parts = urlsplit(line.strip())
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValidationError(
                    {"origins": _("“%(line)s” is no address: begin with https:// and name the host.") % {"line": line}}
                )
            kept.append(f"{parts.scheme}://{parts.netloc}".lower())
        self.origins = kept

"""Members, households, identifiers, consent, staff users."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField


class Household(models.Model):
    """People who share a home, and may share points."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)


class MemberQuerySet(models.QuerySet):
    def active(self):
        return self.filter(status=Member.Status.ACTIVE)

    def reachable(self, *, channel: str, at, purpose: str = "marketing"):
        """Members whose latest word on this channel and purpose, at `at`, is yes. No word means no."""
        latest = (
            Consent.objects.filter(member=models.OuterRef("pk"), channel=channel, purpose=purpose, at__lte=at)
            .order_by("-at", "-pk")
            .values("is_granted")[:1]
        )
        return self.active().filter(models.Subquery(latest))


class Member(models.Model):
    """One person of the programme. `public_id` is the only id that leaves the house."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        MERGED = "merged", _("Merged into another member")
        ERASED = "erased", _("Erased")

    class LifecycleStage(models.TextChoices):
        NEW = "new", _("New")
        ACTIVE = "active", _("Active")
        LAPSING = "lapsing", _("Lapsing")
        LAPSED = "lapsed", _("Lapsed")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    given_name = EncryptedTextField(verbose_name=_("given name"))
    family_name = EncryptedTextField(verbose_name=_("family name"))
    language = models.CharField(max_length=10, default="en")
    time_zone = models.CharField(max_length=40, default="America/New_York")
    country = models.CharField(max_length=2, blank=True)
    birth_month = models.PositiveSmallIntegerField(null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(null=True, blank=True)
    household = models.ForeignKey(Household, null=True, blank=True, on_delete=models.SET_NULL, related_name="members")
    lifecycle_stage = models.CharField(max_length=10, choices=LifecycleStage, default=LifecycleStage.NEW)
    joined_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["lifecycle_stage"])]

    def __str__(self):
        return self.name or str(self.public_id)

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.given_name, self.family_name) if part)


class Identifier(models.Model):
    """One way a member is recognised: a card, a phone, an e-mail address, another system's id."""

    class Kind(models.TextChoices):
        CARD = "card", _("Card")
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")
        EXTERNAL = "external", _("External id")

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=10, choices=Kind)
    value = EncryptedTextField()
    value_hash = models.BinaryField(max_length=16)
    email_domain = models.CharField(max_length=255, blank=True)
    is_primary = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value_hash"], name="one_member_for_one_identifier"),
        ]


class SearchToken(models.Model):
    """Keyed hashes a member is found by in parts: phone suffixes of 4–10 digits, normalised name tokens."""

    class Kind(models.TextChoices):
        PHONE_SUFFIX = "phone", _("Phone suffix")
        NAME = "name", _("Name")

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="search_tokens")
    kind = models.CharField(max_length=5, choices=Kind)
    token_hash = models.BinaryField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "token_hash", "member"], name="a_search_token_is_written_once"),
        ]


class Consent(models.Model):
    """One word of a member on one channel and purpose. Only ever added to: the latest word counts."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PUSH = "push", _("Push")
        SMS = "sms", _("SMS")
        POST = "post", _("Post")

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("Offers and news")
        PROFILING = "profiling", _("Personal recommendations")

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="consents")
    channel = models.CharField(max_length=10, choices=Channel)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.MARKETING)
    is_granted = models.BooleanField()
    at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="Where it was said: portal, till, import, unsubscribe link.")
    text_version = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [models.Index(fields=["member", "channel", "purpose", "-at"], name="members_consent_latest")]


class ConsentProof(models.Model):
    """What proves a consent and names a person; apart from it, so that erasure can reach it."""

    consent = models.OneToOneField(Consent, on_delete=models.CASCADE, related_name="proof")
    address = EncryptedTextField(help_text="The network address it came from.")
    detail = EncryptedTextField()


class User(AbstractUser):
    """Somebody who signs in: staff with an e-mail address, or a member, whose address stays encrypted elsewhere."""

    member = models.OneToOneField(Member, null=True, blank=True, on_delete=models.CASCADE, related_name="user")
    language = models.CharField(max_length=10, blank=True)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(member__isnull=True) | models.Q(is_staff=False, is_superuser=False, email=""),
                name="a_member_is_not_staff",
            ),
        ]


class BusinessClock(models.Model):
    """At most one row: by how much the demo's business time is moved. See members/clock.py."""

    shift_minutes = models.IntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_business_clock")]

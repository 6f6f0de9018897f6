"""Members, households, identifiers, consent, staff users."""

import uuid

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.crypto import EncryptedTextField
from members.normalise import full_name

LOGIN_TRIES = 5


def only_grows(name: str) -> list[pgtrigger.Trigger]:
    """A trigger that refuses every change of what is written, whoever asks, the owner of the table included."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_only_grows",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
            func="RAISE EXCEPTION '% only grows: add a row instead.', TG_TABLE_NAME;",
        )
    ]


class Household(models.Model):
    """People who share a home, and may share points."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)


class MemberQuerySet(models.QuerySet):
    def active(self):
        return self.filter(status=Member.Status.ACTIVE)

    def reachable(self, *, channel: str, at, purpose: str = "marketing"):
        """Members whose latest word on this channel and purpose, at `at`, is yes. No word means no.

        Said as "a yes that no later no has followed": two joins the planner may merge for a million members or probe
        for one, where "the latest word of each" would be a look-up per member. Two indexes hold the words in that order.
        """
        words = Consent.objects.filter(channel=channel, purpose=purpose, at__lte=at)
        later_no = words.filter(member=models.OuterRef("member"), is_granted=False).filter(
            models.Q(at__gt=models.OuterRef("at")) | models.Q(at=models.OuterRef("at"), pk__gt=models.OuterRef("pk"))
        )
        standing_yes = words.filter(is_granted=True).filter(~models.Exists(later_no))
        return self.active().filter(pk__in=standing_yes.values("member"))


class Member(models.Model):
    """One person of the programme. `public_id` is the only id that leaves the house."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        MERGED = "merged", _("Merged into another member")
        ERASED = "erased", _("Erased")

    class LifecycleStage(models.TextChoices):
        CONTACT = "contact", _("First contact")
        NEW = "new", _("New")
        DEVELOPING = "developing", _("Developing")
        LOYAL = "loyal", _("Loyal")
        AT_RISK = "at_risk", _("At risk")
        LAPSED = "lapsed", _("Lapsed")
        WON_BACK = "won_back", _("Won back")

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
    lifecycle_stage = models.CharField(max_length=10, choices=LifecycleStage, default=LifecycleStage.CONTACT)
    joined_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed",
        help_text="The member this one turned out to be; whoever asks for this one gets that one.",
    )  # fmt: skip
    custom_fields = models.JSONField(default=dict, blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["lifecycle_stage"])]

    def __str__(self):
        return self.name or str(self.public_id)

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name)


class MemberMerge(models.Model):
    """Two records turned out to be one person; what moved, so that it can be taken apart again."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    survivor = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="merges")
    absorbed = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by_user = models.ForeignKey("members.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=200)
    moved = models.JSONField(default=dict, help_text="Ids of what moved; never a name or an address.")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey("members.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=models.Q(undone_at__isnull=True), name="a_member_is_merged_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(survivor=models.F("absorbed")), name="a_member_is_not_merged_into_itself"
            ),
        ]


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
        POINTS = "points", _("Your points: expiry, tier, rewards")
        SURVEYS = "surveys", _("Questions after a visit")
        RECEIPTS = "receipts", _("Receipts by e-mail")
        PROFILING = "profiling", _("Personal recommendations")

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="consents", db_index=False)
    channel = models.CharField(max_length=10, choices=Channel)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.MARKETING)
    is_granted = models.BooleanField()
    at = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="Where it was said: portal, till, import, unsubscribe link.")
    text_version = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["member", "channel", "purpose", "-at"], name="members_consent_latest"),
            # Each word stands in one of the two: who may be reached is read off them without the table.
            *(
                models.Index(
                    fields=["channel", "purpose", "member", "at", "id"],
                    condition=models.Q(is_granted=is_yes),
                    name=f"members_consent_{word}",
                )
                for word, is_yes in (("yes", True), ("no", False))
            ),
        ]
        triggers = only_grows("consent")


class ConsentProof(models.Model):
    """What proves a consent and names a person; apart from it, so that erasure can reach it."""

    consent = models.OneToOneField(Consent, on_delete=models.CASCADE, related_name="proof")
    address = EncryptedTextField(help_text="The network address it came from.")
    detail = EncryptedTextField()


class Erasure(models.Model):
    """A member who asked to be forgotten, until every room has done so. The row names nobody; it outlives the person."""

    member = models.OneToOneField(Member, on_delete=models.PROTECT, related_name="erasure")
    source = models.CharField(max_length=40, help_text="Where it was asked for: portal, desk, restored backup.")
    by_user = models.ForeignKey("members.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True, help_text="When the last room had forgotten its own.")
    detail = models.CharField(
        max_length=300, blank=True, help_text="What kept a room from forgetting, if anything did."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(done_at__isnull=True) | models.Q(done_at__gte=models.F("asked_at")),
                name="an_erasure_ends_after_it_was_asked_for",
            )
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=models.Q(done_at__isnull=True), name="members_erasure_unfinished"
            )
        ]


class ErasedIdentifier(models.Model):
    """The keyed hash of an identifier whose holder was erased, so that no import brings them back. It opens to nothing."""

    kind = models.CharField(max_length=10, choices=Identifier.Kind)
    value_hash = models.BinaryField(max_length=16)
    erased_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value_hash"], name="an_erased_identifier_is_remembered_once"),
        ]


class LoginCode(models.Model):
    """A code sent to an address that somebody signs in with. Real time only; a row is made for unknown addresses too."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    identifier = models.ForeignKey(Identifier, null=True, on_delete=models.CASCADE, related_name="login_codes")
    identifier_hash = models.BinaryField(max_length=16)
    network_hash = models.BinaryField(max_length=16, null=True)
    code_hash = models.BinaryField(max_length=16)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(tries__lte=LOGIN_TRIES), name="a_login_code_is_tried_five_times_at_most"
            ),
        ]
        indexes = [
            models.Index(fields=["identifier_hash", "created_at"], name="members_login_by_identifier"),
            models.Index(fields=["network_hash", "created_at"], name="members_login_by_network"),
            models.Index(fields=["expires_at"], name="members_login_by_expiry"),
        ]


class Passkey(models.Model):
    """A key that a member's device keeps behind its own lock. What we hold is its public half; it opens nothing elsewhere."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=80, help_text="The device, as its browser calls itself: iPhone, Windows.")
    credential_hash = models.BinaryField(max_length=16, unique=True)
    credential = models.BinaryField(help_text="WebAuthn attested credential data: the id and the public key.")
    uses = models.BigIntegerField(default=0, help_text="The device's own counter; one that goes back betrays a copy.")
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class SpentCardToken(models.Model):
    """The hash of a card's changing code that a till has read, so that it is read once. It names nobody."""

    token_hash = models.BinaryField(max_length=16, unique=True)
    spent_at = models.DateTimeField(db_index=True)


class Access(models.Model):
    """A member of staff opened or changed a member's record. Only ever added to."""

    class Act(models.TextChoices):
        VIEWED = "viewed", _("Opened the page")
        ENROLLED = "enrolled", _("Enrolled")
        AWARDED = "awarded", _("Recorded a sale")
        REFUNDED = "refunded", _("Refunded a purchase")
        VOIDED = "voided", _("Took back a sale of their own")
        CONFIRMED = "confirmed", _("Saw the member agree to spending")
        ADJUSTED = "adjusted", _("Gave or took points")
        CONSENT = "consent", _("Wrote down a consent")
        PROFILE = "profile", _("Changed the profile")
        MERGED = "merged", _("Merged with another member")
        UNMERGED = "unmerged", _("Took a merge apart")
        SHARED = "shared", _("Changed household or gave points")
        EXPORTED = "exported", _("Handed out the member's data")
        ERASED = "erased", _("Erased the member")

    user = models.ForeignKey("members.User", on_delete=models.PROTECT, related_name="accesses")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="accesses", db_index=False)
    act = models.CharField(max_length=10, choices=Act)
    door = models.CharField(max_length=20)
    note = models.CharField(
        max_length=200, blank=True, help_text="Never personal: a receipt number, a channel, an amount."
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "accesses"
        indexes = [models.Index(fields=["member", "-at"], name="members_access_latest")]
        triggers = only_grows("access")


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


class TillPin(models.Model):
    """The few digits with which a cashier takes over a till that a colleague signed in at. It opens nothing else."""

    user = models.OneToOneField("members.User", on_delete=models.CASCADE, related_name="till_pin")
    pin_hash = models.CharField(max_length=200)
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    set_at = models.DateTimeField()


class BusinessClock(models.Model):
    """At most one row: by how much the demo's business time is moved. See members/clock.py."""

    shift_minutes = models.IntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_business_clock")]


from members.confirmation import AskedConsent, ConfirmedTopic  # noqa: E402, F401
from members.knowing import (  # noqa: E402, F401 - more of this app's tables, apart so that a page holds each
    CustomField,
    CustomValue,
    LifecycleRules,
    MemberTag,
    StageChange,
    Tag,
    Touchpoint,
)
from members.pairs import DuplicatePair  # noqa: E402, F401
from members.site import ModuleSwitch, VisitSite  # noqa: E402, F401

"""Stores, products, purchases and refunds."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.languages import in_readers_language


class Source(models.Model):
    """Who tells of acts: a till, a web shop, an import. Its own keys are unique within it."""

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return self.name or self.code


class Store(models.Model):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=40, default="America/New_York")
    staff = models.ManyToManyField("members.User", blank=True, related_name="stores")

    def __str__(self):
        return self.name


class Category(models.Model):
    """A node of the product tree: department, category or type. Offers and earning rules speak of nodes."""

    class Level(models.IntegerChoices):
        DEPARTMENT = 1, _("Department")
        CATEGORY = 2, _("Category")
        TYPE = 3, _("Type")

    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    level = models.PositiveSmallIntegerField(choices=Level)
    path = models.CharField(max_length=400, unique=True, help_text="The source's own names, joined by ' > '.")
    raw_name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    name_zh = models.CharField(max_length=200, blank=True)
    icon = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        """The reviewed name in the reader's language, else the source's own."""
        return name_of(self.raw_name, self.name_en, self.name_zh)


class Margin(models.Model):
    """What is kept of the price of a category's goods after their cost, and of everything below it that has no margin of its own."""

    category = models.OneToOneField(
        Category, on_delete=models.CASCADE, related_name="+", verbose_name=_("category"),
        limit_choices_to={"level__lte": Category.Level.CATEGORY},
    )  # fmt: skip
    percent = models.SmallIntegerField(
        _("margin, in percent of the price"),
        validators=[MinValueValidator(-100), MaxValueValidator(100)],
        help_text=_(
            "Below zero: sold for less than it costs. Reports of campaigns that begin from now on count with it."
        ),
    )

    class Meta:
        verbose_name, verbose_name_plural = _("margin"), _("margins")
        ordering = ["category__path"]

    def __str__(self):
        return f"{self.category_path}: {self.percent} %"

    @property
    def category_path(self) -> str:
        return self.category.path


def name_of(raw: str, en: str, zh: str) -> str:
    """The name of a category that was read without an object around it."""
    return in_readers_language(en, zh) or raw


class Product(models.Model):
    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=300, blank=True, help_text="As the source calls it.")
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.SET_NULL, related_name="products")
    brand = models.CharField(max_length=100, blank=True)
    is_service = models.BooleanField(default=False, help_text="Deposits, fees and the like: never earns points.")
    tags = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="Labels that earning rules ask for: organic, own-brand.",
    )

    def __str__(self):
        return self.name or self.code


class Purchase(models.Model):
    """One receipt: a sale, or a refund that names the sale it takes back. Never edited.

    (source, client_key) is the client's own name for the act; body_hash is the digest of what it said.
    Written by the SQL functions of sales/sql/ only, which look that source, store, member and products exist: the serving role
    may not delete any of them, so a constraint would add nothing but a row lock per line
    (docs/decisions/0020-references-without-row-locks.md).
    """

    class Kind(models.IntegerChoices):
        SALE = 1, _("Sale")
        REFUND = 2, _("Refund")

    id = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="purchases", db_index=False, db_constraint=False
    )
    client_key = models.CharField(max_length=120)
    body_hash = models.BinaryField(max_length=16)
    kind = models.SmallIntegerField(choices=Kind, default=Kind.SALE)
    refunds = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="refunded_by", db_index=False
    )
    member = models.ForeignKey(
        "members.Member",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="purchases",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, related_name="purchases", db_index=False, db_constraint=False
    )
    purchased_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField(help_text="Negative for a refund.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "client_key"], name="one_purchase_for_one_client_key"),
            models.CheckConstraint(
                condition=models.Q(kind=1, refunds=None) | models.Q(kind=2), name="only_a_refund_names_a_purchase"
            ),
        ]
        # Each index is paid for at every till: foreign keys have none of their own where one of these serves.
        indexes = [
            # What is added up, of a member or of everybody in a window, comes out of an index alone.
            models.Index(
                fields=["member", "purchased_at"], include=["kind", "total_minor"], name="sales_purchase_sums_of_member"
            ),
            models.Index(fields=["store", "purchased_at"], name="sales_purchase_at_store"),
            models.Index(
                fields=["purchased_at"], include=["member", "kind", "total_minor"], name="sales_purchase_sums_by_time"
            ),
            models.Index(fields=["refunds"], name="sales_refund_of", condition=models.Q(refunds__isnull=False)),
        ]


class PurchaseLine(models.Model):
    """One line of a receipt. A refund's line is negative and names the line it takes back (`refunds_line_no`)."""

    pk = models.CompositePrimaryKey("purchase_id", "line_no")
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, related_name="lines", db_index=False, db_constraint=False
    )
    line_no = models.SmallIntegerField()
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="lines", db_index=False, db_constraint=False
    )
    quantity = models.DecimalField(max_digits=14, decimal_places=3, help_text="Zero is allowed.")
    unit = models.CharField(max_length=10, blank=True)
    total_minor = models.BigIntegerField()
    refunds_line_no = models.SmallIntegerField(null=True, blank=True)

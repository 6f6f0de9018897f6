"""What was known when something was chosen, and what outcomes taught about it: tables of their own subject, found through `recommender.models`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from recommender.decided import Lesson
from recommender.models import Slot


class MemberContext(models.Model):
    """What is known of a member, as numbers (`recommender.contexts.TRAITS`), and how often they take of each group. Rewritten with the lists."""

    member = models.OneToOneField("members.Member", primary_key=True, on_delete=models.CASCADE, related_name="+")
    traits = ArrayField(models.FloatField())
    group_ids = ArrayField(models.BigIntegerField(), help_text="Categories (level 2) bought of within the year.")
    habits = ArrayField(models.FloatField(), help_text="Share of shopping days with each of them.")
    at = models.DateTimeField(help_text="Purchases before this moment were seen.")

    def __str__(self):
        return f"{self.member_id}: {self.at}"


class Situation(models.Model):
    """What was known when the offers of one slot were chosen for a member and a cause: all that judging another choice later needs."""

    id = models.BigAutoField(primary_key=True)
    cause = models.CharField(max_length=80)
    member = models.ForeignKey("members.Member", on_delete=models.CASCADE, related_name="+")
    slot = models.CharField(max_length=12, choices=Slot)
    traits = ArrayField(models.FloatField())
    habits = ArrayField(models.FloatField(), help_text="By place of the eligible set, best first.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "member", "slot"], name="one_situation_for_one_choice"),
        ]


class TasteEvidence(models.Model):
    """Sums over a lesson's outcomes of one group in one slot (`recommender.tastes.Sums`), of one half of the members.

    By halves, so that a policy can be judged on members it was not taught by.
    """

    id = models.BigAutoField(primary_key=True)
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="taste_evidence")
    slot = models.CharField(max_length=12, choices=Slot)
    group = models.ForeignKey("sales.Category", on_delete=models.CASCADE, related_name="+", db_index=False)
    is_held_out = models.BooleanField(help_text="Decided, and on purpose never shown.")
    half = models.PositiveSmallIntegerField(help_text="0 or 1.")
    outcomes = models.PositiveIntegerField()
    numbers = models.BinaryField(help_text="Squares, moment and gram, as float64.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lesson", "slot", "group", "is_held_out", "half"], name="one_sum_for_one_group_of_a_lesson"
            ),
        ]


class Taste(models.Model):
    """What is believed of the offers of one group in one slot by circumstances (`recommender.tastes.Own`); without a group: of all groups.

    From the sums of all lessons that stand, as `OfferPosterior` is. `anyway` is what is expected without an offer.
    """

    slot = models.CharField(max_length=12, choices=Slot)
    group = models.ForeignKey("sales.Category", null=True, on_delete=models.CASCADE, related_name="+")
    numbers = models.BinaryField(help_text="As float64.")
    anyway = ArrayField(models.FloatField())
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slot", "group"], nulls_distinct=False, name="one_taste_for_one_group"),
        ]

"""Which offer to whom, under budgets and stock: given as benefits, with the proven gap and what other budgets would change."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError

from members import clock
from members.models import Member
from recommender import operations
from recommender.management.commands.train_recommender import moment


class Command(BaseCommand):
    help = "Give members the offers worth most under budgets and stock. A cause is planned once."

    def add_arguments(self, parser):
        parser.add_argument("cause", help="what the plan is called, such as plan:2026-12")
        parser.add_argument("--at", help="moment from which the offers hold; default: now")
        parser.add_argument("--days", type=int, default=14, help="how long they hold (default 14)")
        parser.add_argument("--slots", type=int, default=3, help="most offers a member gets (default 3)")

    def handle(self, *, cause, at, days, slots, **options):
        begins = moment(at) if at else clock.now()
        try:
            plan = operations.assign_offers(
                cause=cause,
                members=Member.objects.active(),
                at=begins,
                valid_until=begins + timedelta(days=days),
                slots=slots,
            )
        except operations.CannotPlan as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{plan.offers:,} offers to {plan.members:,} members, {plan.reminders:,} reminders; worth {plan.value_minor / 100:,.2f}, "
            f"at most {plan.gap:.2%} below the best possible ({plan.method}); expected cost {plan.spent_minor / 100:,.2f}"
        )
        for one in plan.what_if:
            self.stdout.write(
                f"  budgets × {one['factor']:g}: {one['offers']:,} offers, worth {one['value'] / 100:,.2f}, cost {one['spent'] / 100:,.2f}"
            )

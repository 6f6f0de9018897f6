"""Campaigns of before: imported, never randomised, so their lift is unknown and says so."""

from django.db import transaction

from campaigns.models import Campaign, HistoricalResponse

BATCH = 5000


@transaction.atomic
def import_history(rows) -> list[Campaign]:
    """Record past campaigns: dicts of name, started_at, ended_at, reached (member ids), redemptions ({member id: times}).

    Importing the same name and start again changes nothing. A household that redeemed counts as reached.
    """
    return [_import(row) for row in rows]


def _import(row) -> Campaign:
    campaign, is_new = Campaign.objects.get_or_create(
        kind=Campaign.Kind.HISTORICAL,
        name=row["name"],
        launched_at=row["started_at"],
        defaults={
            "status": Campaign.Status.SENT,
            "outcome_ends_at": row["ended_at"],
            "outcome_days": max(1, min(180, (row["ended_at"] - row["started_at"]).days)),
            "holdout_percent": 0,
            "analysis_seed": 0,
        },
    )
    if is_new:
        redemptions = row.get("redemptions", {})
        reached = sorted({*row["reached"], *redemptions})
        campaign.audience_size = len(reached)
        campaign.save(update_fields=["audience_size"])
        HistoricalResponse.objects.bulk_create(
            (HistoricalResponse(campaign=campaign, member_id=m, redemptions=redemptions.get(m, 0)) for m in reached),
            batch_size=BATCH,
        )
    return campaign

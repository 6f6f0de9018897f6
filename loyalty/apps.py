from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    append_only = (
        "RuleSet", "Transfer", "Award", "TierChange", "PointValue", "DayDigest", "RuleAct",
        "PartnerTerms", "Funding", "Tender", "Reinstatement",
    )  # fmt: skip
    kept = ("Review", "BlockedWallet")

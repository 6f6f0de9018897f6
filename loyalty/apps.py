from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    append_only = (
        "RuleSet", "Transfer", "Award", "TierChange", "PointValue", "DayDigest", "RuleAct",
        "PartnerTerms", "Funding", "Grant", "MemberEvent",
    )  # fmt: skip
    kept = ("Review", "BlockedWallet")

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    append_only = (
        "RuleSet", "Transfer", "Award", "TierChange", "PointValue", "DayDigest", "RuleAct",
        "PartnerTerms", "Funding", "Tender", "Reinstatement", "Grant", "MemberEvent",
    )  # fmt: skip
    kept = ("Review", "BlockedWallet")

    def ready(self):
        from loyalty import receivers  # noqa: F401 - they register themselves, once the tables are known

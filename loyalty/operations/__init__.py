"""The verbs of the ledger: each keyword-only, one transaction, and repeatable under the client's own key."""

from loyalty.operations.entitlements import EntitlementIn, entitle
from loyalty.operations.errors import (
    BadPurchase,
    CannotRecord,
    CannotRefund,
    KeyReused,
    LedgerRefusal,
    NotEnoughPoints,
    UnknownMember,
)
from loyalty.operations.points import Expired, Moved, adjust, expire_points, redeem
from loyalty.operations.purchases import (
    Planned,
    PurchaseIn,
    Recorded,
    TierMove,
    plan,
    post,
    record_purchase,
    record_purchases,
)
from loyalty.operations.refunds import Refunded, preview_refund, refund
from loyalty.operations.rule_sets import CannotPublish, publish_rule_set
from loyalty.operations.tiers import Evaluated, evaluate_tiers

__all__ = [
    "BadPurchase",
    "CannotPublish",
    "CannotRecord",
    "CannotRefund",
    "EntitlementIn",
    "Evaluated",
    "Expired",
    "KeyReused",
    "LedgerRefusal",
    "Moved",
    "NotEnoughPoints",
    "Planned",
    "PurchaseIn",
    "Recorded",
    "Refunded",
    "TierMove",
    "UnknownMember",
    "adjust",
    "entitle",
    "evaluate_tiers",
    "expire_points",
    "plan",
    "post",
    "preview_refund",
    "publish_rule_set",
    "record_purchase",
    "record_purchases",
    "redeem",
    "refund",
]

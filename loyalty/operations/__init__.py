"""The verbs of the ledger: each keyword-only, one transaction, and repeatable under the client's own key."""

from loyalty.operations.blocking import CannotUnblock, allow_spending, block_spending
from loyalty.operations.entitlements import EntitlementIn, entitle
from loyalty.operations.errors import (
    BadPurchase,
    CannotRecord,
    CannotRefund,
    KeyReused,
    LedgerRefusal,
    NotEnoughPoints,
    SpendingBlocked,
    UnknownMember,
)
from loyalty.operations.holds import CannotCapture, Held, Released, capture, hold, release_holds, void
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
from loyalty.operations.reviews import CannotDecide, Decided, HeldForReview, decide_review, hold_for_review
from loyalty.operations.rule_drafts import (
    CannotChange,
    DraftConflict,
    call_off,
    create_draft,
    discard_draft,
    publish_draft,
    rename_draft,
    save_part,
    submit_draft,
    withdraw_draft,
)
from loyalty.operations.rule_sets import CannotPublish, publish_rule_set
from loyalty.operations.tiers import Evaluated, evaluate_tiers
from loyalty.operations.values import CannotValue, set_point_value

__all__ = [
    "BadPurchase",
    "CannotCapture",
    "CannotChange",
    "CannotDecide",
    "CannotPublish",
    "CannotRecord",
    "CannotRefund",
    "CannotUnblock",
    "CannotValue",
    "Decided",
    "DraftConflict",
    "EntitlementIn",
    "Evaluated",
    "Expired",
    "Held",
    "HeldForReview",
    "KeyReused",
    "LedgerRefusal",
    "Moved",
    "NotEnoughPoints",
    "Planned",
    "PurchaseIn",
    "Recorded",
    "Refunded",
    "Released",
    "SpendingBlocked",
    "TierMove",
    "UnknownMember",
    "adjust",
    "allow_spending",
    "block_spending",
    "call_off",
    "capture",
    "create_draft",
    "decide_review",
    "discard_draft",
    "entitle",
    "evaluate_tiers",
    "expire_points",
    "hold",
    "hold_for_review",
    "plan",
    "post",
    "preview_refund",
    "publish_draft",
    "publish_rule_set",
    "record_purchase",
    "record_purchases",
    "redeem",
    "refund",
    "release_holds",
    "rename_draft",
    "save_part",
    "set_point_value",
    "submit_draft",
    "void",
    "withdraw_draft",
]

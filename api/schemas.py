"""What is said over the wire. Names, limits and examples are the API's documentation."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

PLAIN = r"^[^\x00]*$"
MINOR_MAX = 10**12

Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PLAIN)]
StoreCode = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=PLAIN)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN)]
Minor = Annotated[int, Field(ge=0, le=MINOR_MAX)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=11, decimal_places=3)]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), description="With its zone; not in the future.")
]


class Strict(BaseModel):
    """A misspelt field is an error, not a silence.

    Not ninja's Schema, which validates every object within a strict one twice, in case it is a row of the database: of a purchase
    of three lines that took a tenth of a millisecond.
    """

    model_config = ConfigDict(extra="forbid")


class MemberIn(Strict):
    """Exactly one way to recognise the member."""

    public_id: UUID | None = None
    card: Reference | None = Field(None, examples=["2900000000018"])
    phone: Reference | None = Field(None, examples=["+12125550123"])
    email: Reference | None = None
    external_id: Reference | None = None


class LineIn(Strict):
    product: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=PLAIN)]
    quantity: Quantity = Decimal(1)
    total_minor: Minor = Field(description="The line's total in minor units, after discounts: 2460 is $24.60.")
    unit: Annotated[str, StringConstraints(max_length=10, pattern=PLAIN)] = ""
    name: Annotated[str, StringConstraints(max_length=300, pattern=PLAIN)] = Field(
        "", description="For a product that is new."
    )
    category: Annotated[str, StringConstraints(max_length=400, pattern=PLAIN)] = Field(
        "", description="For a product that is new: its path.", examples=["Grocery > Dairy > Milk"]
    )


class PurchaseIn(Strict):
    receipt: Key = Field(
        description="Your own key for this purchase, made and stored before the first try. Send the same body again as often as needed."
    )
    store: StoreCode
    purchased_at: Moment
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = Field(examples=["USD"])
    member: MemberIn | None = Field(None, description="Without, the purchase is stored and earns nothing.")
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=1000)]


class PurchaseOut(Schema):
    id: UUID
    receipt: str
    replay: bool = Field(description="True when this receipt was recorded by an earlier try.")
    points: int
    debt_paid: int = Field(description="Points of `points` that paid what was owed after an earlier refund.")
    available: int | None = Field(
        description="What the member could spend right after the purchase; null without a member."
    )
    tier: str | None
    explanation: dict[str, Any]


class RefundLineIn(Strict):
    line: Annotated[int, Field(ge=1, le=32_767, description="The line's place in the purchase, from 1.")]
    quantity: Quantity
    total_minor: Minor


class RefundIn(Strict):
    receipt: Key = Field(description="Your own key for this refund.")
    refunded_at: Moment
    store: StoreCode | None = None
    lines: Annotated[list[RefundLineIn], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Without, everything that is left of the purchase."
    )


class RefundOut(Schema):
    id: UUID
    receipt: str
    replay: bool
    points_taken_back: int
    debt_added: int = Field(description="Points that were spent already and are now owed.")
    available: int | None
    tier: str | None


class Expiry(Schema):
    on: date
    points: int


class TierOut(Schema):
    code: str
    name: str


class MemberOut(Schema):
    public_id: UUID
    available: int
    pending: int
    debt: int
    next_expiry: Expiry | None
    tier: TierOut
    qualifying_points: int
    next_tier: TierOut | None
    points_to_next_tier: int


class FieldProblem(Schema):
    field: str
    message: str


class Problem(Schema):
    """RFC 9457. `detail` says what to do; `errors` name the fields."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]

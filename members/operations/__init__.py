"""The verbs of members: enrol, consent, sign in, and the small changes around them."""

from members.operations.confirming import CannotConfirm, TooManyLetters, ask_again, set_confirmed_topics, take_unwritten
from members.operations.confirming import confirm as confirm_consent
from members.operations.consent import NotAChannel, give_consent
from members.operations.duplicates import dismiss_pair, find_duplicates
from members.operations.enrolment import AlreadyKnown, CannotEnrol, EnrolledMany, NewMember, RowError, enrol, enrol_many
from members.operations.erasure import CannotErase, erase, finish_erasure, finish_erasures, reapply_erasures
from members.operations.knowing import (
    BadCustomValue,
    claim_visits,
    cleaned_fields,
    note_touchpoint,
    set_custom_field_of,
    set_custom_fields,
    set_feelings,
    tag_members,
    untag_members,
)
from members.operations.login import (
    Joined,
    LoginStart,
    TooManyLogins,
    WrongCode,
    finish_join,
    finish_login,
    kind_of,
    start_login,
)
from members.operations.merging import CannotMerge, merge, unmerge
from members.operations.modules import switch_modules
from members.operations.passkeys import (
    BadPasskey,
    add_passkey,
    begin_passkey,
    begin_passkey_login,
    finish_passkey_login,
    remove_passkey,
)
from members.operations.pins import WrongPin, check_pin, set_pin
from members.operations.presenting import BadCardToken, CardToken, accept_card_token, card_token
from members.operations.profile import set_lifecycle_stages, set_profile
from members.operations.staff import add_staff, note_access, set_roles

__all__ = [
    "AlreadyKnown", "BadCardToken", "BadCustomValue", "BadPasskey", "CannotConfirm", "CannotEnrol", "CannotErase", "CannotMerge",
    "CardToken", "EnrolledMany", "Joined", "LoginStart", "NewMember", "NotAChannel",
    "RowError", "TooManyLetters", "TooManyLogins", "WrongCode", "WrongPin", "accept_card_token", "add_passkey", "add_staff", "ask_again",
    "begin_passkey", "begin_passkey_login", "card_token", "check_pin", "claim_visits", "cleaned_fields", "confirm_consent", "dismiss_pair", "enrol", "enrol_many", "erase",
    "find_duplicates", "finish_erasure", "finish_erasures", "finish_join", "finish_login", "finish_passkey_login", "give_consent",
    "kind_of", "merge", "note_access", "note_touchpoint", "reapply_erasures", "remove_passkey",
    "set_confirmed_topics", "set_custom_field_of", "set_custom_fields", "set_feelings", "set_lifecycle_stages", "set_pin", "set_profile", "set_roles", "start_login", "switch_modules", "tag_members", "take_unwritten",
    "unmerge", "untag_members",
]  # fmt: skip

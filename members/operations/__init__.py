"""The verbs of members: enrol, consent, sign in, and the small changes around them."""

from members.operations.consent import NotAChannel, give_consent
from members.operations.enrolment import AlreadyKnown, CannotEnrol, EnrolledMany, NewMember, RowError, enrol, enrol_many
from members.operations.erasure import CannotErase, erase, finish_erasure, finish_erasures, reapply_erasures
from members.operations.login import LoginStart, TooManyLogins, WrongCode, finish_login, start_login
from members.operations.merging import CannotMerge, merge, unmerge
from members.operations.pins import WrongPin, check_pin, set_pin
from members.operations.profile import set_lifecycle_stages, set_profile
from members.operations.staff import add_staff, note_access, set_roles

__all__ = [
    "AlreadyKnown", "CannotEnrol", "CannotErase", "CannotMerge", "EnrolledMany", "LoginStart", "NewMember",
    "NotAChannel", "RowError", "TooManyLogins", "WrongCode", "WrongPin", "add_staff", "check_pin", "enrol",
    "enrol_many", "erase", "finish_erasure", "finish_erasures", "finish_login", "give_consent", "merge",
    "note_access", "reapply_erasures", "set_lifecycle_stages", "set_pin", "set_profile", "set_roles", "start_login",
    "unmerge",
]  # fmt: skip

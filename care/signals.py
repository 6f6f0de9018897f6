"""News of care, told after commit. Receivers get ids, and ask for the rest."""

from django.dispatch import Signal

case_opened = Signal()  # case_id
case_replied = Signal()  # case_id, entry_id: somebody should send it, on the way the member wrote
case_closed = Signal()  # case_id
survey_invited = Signal()  # invitation_ids
survey_answered = Signal()  # answer_id

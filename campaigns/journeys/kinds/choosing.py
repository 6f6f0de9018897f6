"""What can be chosen in steps: the shop's audiences, templates, rewards, teams and fields, as they are now."""

from campaigns.models import Audience
from care.models import Team
from emails.models import EmailTemplate
from loyalty.models import Reward
from members.knowing import CustomField
from push.models import PushTemplate


def audiences():
    return [(str(pk), name) for pk, name in Audience.objects.order_by("name").values_list("pk", "name")]


def emails():
    return [(str(one.pk), str(one)) for one in EmailTemplate.objects.select_related("locale").order_by("name", "pk")]


def pushes():
    return [(str(pk), name) for pk, name in PushTemplate.objects.order_by("name").values_list("pk", "name")]


GIVEN = ("percent", "amount", "product", "shipping", "multiply", "bonus")


def rewards():
    return [(str(one.pk), one.name) for one in Reward.objects.filter(is_active=True, kind__in=GIVEN).order_by("pk")]


def teams():
    return [(team.code, str(team)) for team in Team.objects.order_by("code")]


def custom_fields():
    return [(one.code, one.label) for one in CustomField.objects.filter(is_personal=False)]


def named(choices, key) -> str:
    return str(dict(choices()).get(str(key), "?")) if key else "?"

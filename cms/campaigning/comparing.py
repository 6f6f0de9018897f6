"""What a second editor sees: where their form and the campaign as somebody else just saved it say different things."""

from django.utils.translation import gettext as _

from campaigns.models import Campaign


def differences(current: Campaign, form, variants: list[dict]) -> list[tuple[str, str, str]]:
    """(setting, as it is now, as typed here), for every setting that differs; the variants as one of them."""
    rows = []
    for name, mine in form.cleaned_data.items():
        theirs = getattr(current, name, None)
        if name in form.fields and theirs != mine:
            rows.append((str(form.fields[name].label), _words(current, name, theirs), _words(current, name, mine)))
    there = ", ".join(_variant(vars(one)) for one in current.variants.all())
    here = ", ".join(_variant(one) for one in variants)
    if there != here:
        rows.append((_("Variants"), there, here))
    return rows


def _words(campaign, name, value) -> str:
    choices = dict(Campaign._meta.get_field(name).flatchoices)
    return str(choices.get(value, "–" if value in (None, "", []) else value))


def _variant(facts: dict) -> str:
    return f"{facts['name']} ({facts['weight']})"

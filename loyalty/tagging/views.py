"""Tags of products: which there are, who carries one, and putting one on many products or taking it off."""

import re

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from loyalty.authoring.fields import PicksField
from loyalty.programme.menu import may_manage, readers_only
from sales.models import Category
from sales.operations import change_tag
from sales.queries import products_by_tag, tagged

PAGE = 50
CODES_MAX = 5_000


class TagForm(forms.Form):
    """One tag, and the products it is for: whole categories, or codes as the shop knows them."""

    tag = forms.CharField(
        label=gettext_lazy("Tag"), max_length=40, help_text=gettext_lazy("Such as organic or own brand.")
    )
    categories = PicksField("categories", label=gettext_lazy("All products of"), required=False)
    codes = forms.CharField(
        label=gettext_lazy("Product codes"), required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("As many as you like, with commas, blanks or lines between them."),
    )  # fmt: skip

    def clean_tag(self) -> str:
        tag = self.cleaned_data["tag"].strip()
        if ";" in tag:
            raise forms.ValidationError(_("A tag has no semicolon: it stands between tags in files."))
        return tag

    def clean_codes(self) -> list[str]:
        codes = list(dict.fromkeys(re.split(r"[\s,;]+", self.cleaned_data["codes"].strip())))
        return [code for code in codes if code][:CODES_MAX]

    def clean(self):
        said = super().clean()
        if not self.errors and not said.get("codes") and not said.get("categories"):
            self.add_error("codes", _("Say for which products: codes, or a category."))
        return said

    def change(self, *, is_on: bool) -> int:
        """Do it; how many products changed."""
        said = self.cleaned_data
        named = Q(path__in=said["categories"] or []) | Q(raw_name__in=said["categories"] or [])
        paths = Category.objects.filter(named).values_list("path", flat=True)
        changed = change_tag(tag=said["tag"], codes=said["codes"], is_on=is_on)
        return changed + sum(change_tag(tag=said["tag"], under=path, is_on=is_on) for path in paths)


@readers_only
@require_http_methods(["GET", "POST"])
def tags(request):
    """Every tag with its products; one form that puts a tag on or takes it off."""
    chosen = request.GET.get("tag", "")
    form = TagForm(request.POST or None, initial={"tag": chosen})
    if request.method == "POST":
        if not may_manage(request.user):
            raise PermissionDenied
        if form.is_valid():
            changed = form.change(is_on="take_off" not in request.POST)
            words = ngettext("%(count)s product changed.", "%(count)s products changed.", changed)
            messages.success(request, words % {"count": f"{changed:,}"})
            return redirect(f"{request.path}?{urlencode({'tag': form.cleaned_data['tag']})}")
    page = Paginator(tagged(chosen), PAGE).get_page(request.GET.get("p")) if chosen else None
    context = {
        "tags": products_by_tag(), "chosen": chosen, "page": page, "form": form, "may_manage": may_manage(request.user),
    }  # fmt: skip
    return TemplateResponse(request, "loyalty/tagging/tags.html", context, status=422 if form.errors else 200)

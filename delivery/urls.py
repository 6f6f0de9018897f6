from django.urls import path, register_converter

from delivery import archive, confirming, tokens, views

app_name = "delivery"


class TokenConverter:
    """Only what has a token's shape reaches a view."""

    regex = rf"[A-Za-z0-9_-]{{{tokens.LENGTH}}}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


class LinkConverter(TokenConverter):
    """A link's index in the frozen content: 3, or 4-0 for the first entry of a repeated block."""

    regex = r"[0-9]{1,3}(?:-[0-9]{1,3})?"


register_converter(TokenConverter, "token")
register_converter(LinkConverter, "link")

urlpatterns = [
    path("receipts/<slug:provider>/", views.receipts, name="receipts"),
    path("c/<token:token>/<link:link>", views.click, name="click"),
    path("c/<token:token>/h", views.trap, name="trap"),
    path("c/<token:token>/qr.png", views.voucher_qr, name="voucher_qr"),
    path("p/<token:token>", views.preferences, name="preferences"),
    path("o/<token:token>.gif", views.opened, name="open"),
    path("u/<token:token>", views.unsubscribe, name="unsubscribe"),
    path("v/<token:token>", views.view_online, name="view_online"),
    path("y/<token:token>", confirming.confirm, name="confirm"),
    path("archive/", archive.listing, name="archive"),
    path("archive/<int:pk>/", archive.mail, name="archived"),
    path("archive/<int:pk>/c/<link:link>", archive.follow, name="archived_link"),
]

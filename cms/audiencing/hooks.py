"""What audiences add to the Wagtail admin: a menu entry and addresses."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from cms.audiencing import views
from cms.campaigning.hooks import MarketersItem


@hooks.register("register_admin_menu_item")
def audiences_item():
    return MarketersItem(_("Audiences"), reverse_lazy("cms_audiences"), name="audiences", icon_name="group", order=110)


@hooks.register("register_admin_urls")
def audiencing_urls():
    return [
        path("audiences/", views.audience_list, name="cms_audiences"),
        path("audiences/new/", views.audience_edit, name="cms_audience_new"),
        path("audiences/upload/", views.audience_upload, name="cms_audience_list_new"),
        path("audiences/count/", views.audience_count, name="cms_audience_count"),
        path("audiences/<int:pk>/", views.audience_members, name="cms_audience_members"),
        path("audiences/<int:pk>/edit/", views.audience_edit, name="cms_audience_edit"),
        path("audiences/<int:pk>/upload/", views.audience_upload, name="cms_audience_upload"),
        path("audiences/<int:pk>/revisions/<int:number>/restore/", views.audience_restore, name="cms_audience_restore"),
        path("audiences/<int:pk>/delete/", views.audience_delete, name="cms_audience_delete"),
    ]

"""Pages that store managers open as well as the service desk: what leads on to a member is shown only to who may go there."""

from django import shortcuts

from members.access import Role, has_role


def render(request, template: str, context: dict, *, status: int = 200):
    return shortcuts.render(
        request, template, context | {"is_service": has_role(request.user, Role.SERVICE)}, status=status
    )

from django.apps import AppConfig


class PushConfig(AppConfig):
    name = "push"
    append_only = ("FrozenPush",)

    def ready(self):
        from push import receivers  # noqa: F401 (hearing is an effect of importing)

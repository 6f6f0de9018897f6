import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import config.celery  # noqa: F401 (so that shared tasks find the broker)

application = get_wsgi_application()

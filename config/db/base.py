from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params):
        if settings.EMBEDDED_POSTGRES:
            settings.EMBEDDED_POSTGRES.ensure()
        return super().get_new_connection(conn_params)

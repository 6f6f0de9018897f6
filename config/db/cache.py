"""Django's Redis cache, which starts the embedded server before its first use. It may be flushed at any moment."""

from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient


class _Client(RedisCacheClient):
    def get_client(self, *args, **kwargs):
        if settings.EMBEDDED_REDIS:
            settings.EMBEDDED_REDIS.ensure()
        return super().get_client(*args, **kwargs)


class Cache(RedisCache):
    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = _Client

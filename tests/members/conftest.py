import pytest


@pytest.fixture(autouse=True)
def passwords_that_are_quick_to_check(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

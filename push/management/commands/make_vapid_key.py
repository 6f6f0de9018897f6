"""`manage.py make_vapid_key`: the key that tells push services who we are (RFC 8292), made once and kept."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management.base import BaseCommand
from py_vapid import b64urlencode


class Command(BaseCommand):
    help = "Make a VAPID key pair for web push. A new key makes every browser's subscription void: make it once."

    def handle(self, *args, **options):
        key = ec.generate_private_key(ec.SECP256R1())
        number = key.private_numbers().private_value.to_bytes(32, "big")
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.stdout.write(f"VAPID_PRIVATE_KEY={b64urlencode(number)}")
        self.stderr.write(f"The public key, which browsers get from us: {b64urlencode(point)}")

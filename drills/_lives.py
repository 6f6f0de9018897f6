"""The full form of the machine's drill: `REGULARS_MODE=test python -m drills._lives LIVES STEPS [SEED]`, such as 20000 80.

A seed that was printed runs the same lives again.
"""

import os
import random
import sys

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from drills.machine import live_fully  # its tables need the settings

    lives, steps, *chosen = map(int, sys.argv[1:])
    live_fully(lives, steps, chosen[0] if chosen else random.SystemRandom().randrange(10**6))

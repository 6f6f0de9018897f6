#!/usr/bin/env python
"""The one door to every command of Regulars."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # implicit brings its own threads; two pools fight
    from django.core.management import execute_from_command_line

    import config.celery  # noqa: F401 (so that what a command causes finds the broker)

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

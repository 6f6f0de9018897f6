"""`make drill`, or `make drill ONLY=delivery`: faults injected for minutes, as a table and as var/drill.json."""

import sys

from config.figures import main

main("drills", sys.argv[1:])

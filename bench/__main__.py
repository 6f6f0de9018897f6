"""`make bench`, or `make bench ONLY=awards`: figures beside their rivals, as a table and as var/bench.json."""

import sys

from config.figures import main

main("bench", sys.argv[1:])

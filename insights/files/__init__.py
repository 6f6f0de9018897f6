"""Experiments from elsewhere: one row per unit in a CSV or Parquet file, measured as our own are.

`asking` says what is asked of a file, `reading` reads and checks it, `measuring` turns it into a frozen result, `telling` into
lines of text. The command `measure_experiment` and the analyst's upload page are thin callers.
"""

from insights.files.asking import BadQuestion, Question, asked
from insights.files.measuring import Comparison, Measured, measure
from insights.files.reading import BadFile, Units, read

__all__ = ["BadFile", "BadQuestion", "Comparison", "Measured", "Question", "Units", "asked", "measure", "read"]

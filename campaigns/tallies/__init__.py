"""Running sums of large experiments: what each assigned member has done so far, so that a look need not read every purchase again.

The till writes nothing of this and waits for nothing: a chore folds in what is settled, and a reading adds the rest from the tables
themselves. So what is read is what the purchases say, whenever the chore last ran (docs/decisions/0311-running-sums-of-experiments.md).
"""

"""Care: what members ask, how they felt, and what staff do about it: cases, surveys, tasks, opportunities.

Knows who asked, which team answers and by when; never how a word travels. It announces, it never sends: whoever
sends asks here what to say. What a person wrote is encrypted and goes when they are erased; the counts stay.
"""

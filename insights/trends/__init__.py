"""Trends of what is sold: which categories, stores and brands moved more than the whole shop did, and more than noise does.

judging     sums in, verdicts out: one test a group, the error of the whole family held by Holm
reading     the sums, from the purchases of members who were there in both windows: one statement
"""

from insights.trends.judging import ALPHA, MEMBERS_LEAST, Sums, Trend, Whole, judge
from insights.trends.reading import BRAND, CATEGORY, DAYS, STORE, in_season, trends

__all__ = [
    "ALPHA", "BRAND", "CATEGORY", "DAYS", "MEMBERS_LEAST", "STORE", "Sums", "Trend", "Whole", "in_season", "judge", "trends",
]  # fmt: skip

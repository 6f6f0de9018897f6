"""Insights: the mathematics of lift, value and risk. Arrays in, frozen results out.

Knows numbers and their doubt; never a campaign or a page.
"""

"""Journeys: what happens to one member after another, step by step, each at their own time.

A journey is a flow that people read from top to bottom. Where every member stands is a row; due rows are claimed in batches,
and what a step causes is written in the transaction that writes the step's own unique row.
"""

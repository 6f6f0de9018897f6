"""The analyst's door: lift, programme figures, liability. It reads.

Owns only saved views and frozen editions.
"""

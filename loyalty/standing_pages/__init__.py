"""Managers' pages about people: the ladder of tiers, partners with their settlement, paid memberships."""

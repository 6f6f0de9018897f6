"""News heard."""

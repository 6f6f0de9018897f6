"""Django's PostgreSQL back end, which starts the embedded server before its first connection."""

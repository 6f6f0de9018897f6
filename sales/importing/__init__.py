"""Reading, validating and staging files of purchases. Posting them is `manage.py import_purchases` in loyalty."""

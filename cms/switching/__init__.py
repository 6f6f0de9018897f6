"""What a manager switches on and off for the whole site."""

"""E.164 numbers and number plans."""

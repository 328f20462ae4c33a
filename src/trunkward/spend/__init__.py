"""Prefix rates, price, reservation and settlement in exact numbers."""

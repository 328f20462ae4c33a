"""Choosing and ordering carriers."""

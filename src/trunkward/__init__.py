"""Trunkward: the session border, identity service and evidence room of a voice provider."""

__version__ = "0.1.0"

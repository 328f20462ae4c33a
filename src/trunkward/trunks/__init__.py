"""Tenants, trunks and carriers: who may send calls, and where calls may go."""

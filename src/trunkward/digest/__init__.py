"""Digest authentication as SIP has it: challenges, credentials, nonces, secrets (RFC 3261 22, 7616, 8760)."""

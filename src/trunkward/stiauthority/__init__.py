"""A local policy administrator and authority of SHAKEN, as real HTTPS servers, for development and tests.

The protocol is the real one: accounts, authority tokens (RFC 9447, RFC 9448), ACME (RFC 8555), the signed
list of trusted authorities (ATIS-1000084), indirect revocation lists. Only the trust is missing: no carrier's
list has this authority on it, and its certificates say TEST.
"""

"""What a client is asked for: the value of a WWW-Authenticate or Proxy-Authenticate header."""

from collections.abc import Iterable

from trunkward.digest.algorithm import Algorithm


def challenges(realm: str, nonce: str, algorithms: Iterable[Algorithm], *, stale: bool) -> list[str]:
    """One value for each algorithm, in the order of preference (RFC 8760 section 2.3)."""
    # RFC 7616 section 3.3: `stale` says that user and password may well be right, and only the nonce is not
    end = ", stale=true" if stale else ""
    return [
        f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm.value}, qop="auth"{end}'
        for algorithm in algorithms
    ]

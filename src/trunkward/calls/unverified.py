"""Why a call that others signed went unverified, in words: the reasons of a gate by how they begin."""

_WORDS: tuple[tuple[str, str], ...] = (
    ("no-identity", "it had no signature"),
    ("clock-", "this machine's clock was not known to be right: look at its time service (timedatectl)"),
    (
        "no-trusted-list",
        "nobody has told this node whose certificates may sign calls: node.identity.policy_administrator",
    ),
    ("dns-failed", "no DNS server of this node answered: look at node.resolvers, or /etc/resolv.conf"),
    ("too-many-fetches", "too many certificates were being fetched for whoever sent it: fetcher.log"),
    ("fetcher-", "the fetcher did not answer in time: ./trunkward status, fetcher.log"),
    (
        "certificate-late",
        "its certificate did not come in time (verification.wait_ms): fetcher.log says what its host did",
    ),
    ("436 ", "its certificate could not be had from the URL in it, which is its sender's fault"),
    ("unknown-kind", "it had signatures, none of a kind this version knows"),
)


def in_words(why: str) -> str:
    """What a kebab-case reason means, and what to do."""
    for begin, words in _WORDS:
        if why.startswith(begin):
            return words
    return "a reason this version does not know"

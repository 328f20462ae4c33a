"""Taking `verstat` off a URI of somebody who is not to say it (3GPP TS 24.229 section 7.2A.20).

Everywhere else the node writes From and P-Asserted-Identity itself; here is the one that may pass as it came,
the From of a call for help.
"""

import re

_ESCAPED = re.compile("%([0-9A-Fa-f]{2})")


def without(uri: str) -> str:
    """The URI, without any parameter where one of them is a `verstat` in whichever spelling."""
    if "verstat" not in _ESCAPED.sub(lambda found: chr(int(found[1], 16)), uri).lower():
        return uri
    before, at, host = uri.rpartition("@")
    return f"{before.partition(';')[0]}{at}{host.partition(';')[0]}"

"""Who a URI names, in the one form that both ends of a PASSporT compare (RFC 8224 sections 8.3 and 8.5)."""

from trunkward.shaken.number import NotANumber, canonical_tn
from trunkward.sip.uri import MalformedUri, host_in_uri, parse_uri


def canonical_party(uri: str) -> str:
    """A canonical number if the URI's user part is one, else the URI itself in canonical form.

    A number has digits, `*` and `#` only, a URI has a colon: one text says which it is. Raises `MalformedUri`
    for what is no `sip`, `sips` or `tel` URI, and for a `tel` URI without a number.
    """
    read = parse_uri(uri)
    try:
        return canonical_tn(read.user)
    except NotANumber as refused:
        if read.scheme == "tel":
            raise MalformedUri(refused.reason) from None
    # RFC 8224 section 8.5: `sip` for `sips`, parameters dropped; RFC 3261 section 19.1.4: hosts without case
    user = f"{read.user.partition(';')[0]}@" if read.user else ""
    port = f":{read.port}" if read.port is not None else ""
    return f"sip:{user}{host_in_uri(read.host)}{port}"

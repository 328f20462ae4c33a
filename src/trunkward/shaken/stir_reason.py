"""`Reason: STIR` (RFC 9410): what was wrong with a call's Identity headers, for those upstream."""

import re
from collections.abc import Sequence

from trunkward.shaken.causes import StirError
from trunkward.sip.reason import reason

#: RFC 8224 section 6.2.2: the phrases that belong to the codes.
PHRASES = {
    403: "Stale Date",
    428: "Use Identity Header",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
}

#: A PASSporT in either form; what else was sent is not sent back.
_TOKEN = re.compile(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+", re.ASCII)
#: Characters of one that are sent back (our limit; a signature in compact form has 88).
MAX_PPI = 256


def reasons(errors: Sequence[StirError], *, with_ppi: bool = True) -> list[tuple[str, str]]:
    """One `Reason` header, name and value, for each PASSporT that had an error, in their order.

    `with_ppi` says which PASSporT each is about (section 5, RECOMMENDED where there are several). Beyond the
    trust domain it is left out: those further upstream have no business with it (section 9).
    """
    return [_reason(error, with_ppi=with_ppi) for error in errors]


def _reason(error: StirError, *, with_ppi: bool) -> tuple[str, str]:
    name, value = reason("STIR", error.code, PHRASES[error.code])
    if with_ppi and len(error.ppi) <= MAX_PPI and _TOKEN.fullmatch(error.ppi):
        value = f'{value};ppi="{error.ppi}"'
    return name, value

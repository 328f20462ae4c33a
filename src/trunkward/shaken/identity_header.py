"""Reading one Identity header value (RFC 8224 section 4): the grammar alone, nothing decoded."""

from dataclasses import dataclass

#: Most Identity headers of one request, and most characters of one and of all together (our limits).
MAX_HEADERS = 10
MAX_HEADER = 8 * 1024
MAX_TOGETHER = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """An Identity header in its parts, as received."""

    #: The three parts of the token in base64url; the first two are empty in the compact form.
    header: str
    payload: str
    signature: str
    #: Parameters; None when absent. `ppt` without quotes, `info` without brackets.
    info: str | None
    alg: str | None
    ppt: str | None


def read(value: str) -> Passport:
    """Take one value apart. Raises `Refused`: header-malformed, header-too-long, parameter-twice."""
    raise NotImplementedError

"""How long a fetched certificate chain is kept."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

#: Seconds. ATIS-1000074: at least a day, whatever the answer says: a chain's URL is not used for another one.
LEAST_S = 86_400.0
#: RFC 9111 section 1.2.2: seconds in a header stop counting there.
_MOST_S = 2.0**31
_AGE = re.compile(r"(?:^|,)\s*(s-maxage|max-age)\s*=\s*\"?([0-9]{1,10})\"?\s*(?=,|$)", re.IGNORECASE)


def kept_until(headers: Mapping[str, str], now_s: float, not_after_s: float) -> float:
    """Until when, in seconds since the epoch as `now_s` and `not_after_s`, the chain's first end.

    `headers`: of the answer, by lower-case name (RFC 9111 sections 4.2.1 and 4.2.3).
    """
    return min(now_s + max(_fresh_s(headers, now_s), LEAST_S), not_after_s)


def _fresh_s(headers: Mapping[str, str], now_s: float) -> float:
    found = {name.lower(): float(seconds) for name, seconds in _AGE.findall(headers.get("cache-control", ""))}
    lifetime = found.get("s-maxage", found.get("max-age"))
    if lifetime is not None:
        age = headers.get("age", "")
        return min(lifetime, _MOST_S) - (float(age) if age.isdecimal() and len(age) <= 10 else 0.0)
    expires = _date(headers.get("expires", ""))
    return expires - _date(headers.get("date", ""), now_s) if expires else 0.0


def _date(text: str, otherwise: float = 0.0) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return otherwise

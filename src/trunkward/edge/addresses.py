"""The forms of Contact and Record-Route that topos can read and keep, matched in linear time.

Before anybody is identified a stranger's text is matched here, so no pattern may go back on what it has
taken: every repetition is possessive. What is between `"` may hold escapes (RFC 3261 section 25.1).
"""

import re

_URI = r"<sips?:[^<>\"|\s]++>"
_QUOTED = r"\"(?:[^\"\\|]|\\[^|])*+\""
#: Their values may stand in quotes, as an instance's does (RFC 5626: `;+sip.instance="<urn:uuid:...>"`).
_PARAMETERS = rf"[ \t]*+(?:;(?:[^<>\",|]|{_QUOTED})*+)?+"
_DISPLAY = rf"[ \t]*+(?:{_QUOTED}[ \t]*+|[^<>\",|:]*+)"
_NAMED = _DISPLAY + _URI + _PARAMETERS
_CONTACT = re.compile(rf"{_NAMED}|[ \t]*+sips?:[^<>\"|\s,;?]++{_PARAMETERS}")
_ROUTES = re.compile(rf"{_NAMED}(?:,{_NAMED})*+")


def is_contact(value: str) -> bool:
    """Whether a Contact header is one address, with or without brackets."""
    return _CONTACT.fullmatch(value) is not None


def is_route(value: str) -> bool:
    """Whether a Record-Route header is a list of addresses in brackets."""
    return _ROUTES.fullmatch(value) is not None

"""The name of who calls and the reason why (RFC 9795), as they may be signed and shown."""

#: Characters of a display name (`nam`), and of a call reason (`crn`); telephones show some fifteen to
#: thirty-five (our limit).
MAX_TEXT = 64


def is_caller_name(nam: str, crn: str) -> bool:
    """Whether neither could mislead on a display; `crn` "": no reason is said."""
    return _is_plain(nam) and (not crn or _is_plain(crn))


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT and text.isprintable() and text.strip() == text

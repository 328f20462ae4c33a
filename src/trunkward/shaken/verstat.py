"""The `verstat` parameter (3GPP TS 24.229 section 7.2A.20) in and out of header text.

It says to the one who is called that the number was verified: so nobody but the verifier may write it,
wherever a reader might look for it. Standard library only.
"""

import re


def _letter(character: str) -> str:
    """A character of a name as it may stand in a URI: either case, or escaped (RFC 3261 section 19.1.4)."""
    codes = {f"%{ord(each):02x}" for each in (character.lower(), character.upper())}
    return f"(?:{re.escape(character)}|{'|'.join(sorted(codes))})"


_SPACE = r"[ \t\r\n]*+"
#: What ends a value, besides what ends a URI: the next parameter, or a password behind the user part.
_END = rf"{_letter(';')}|:[^@>,\s]{{0,64}}+@"
#: `;verstat` and `=value`, if there is one: between any two parameters, escaped or not, in any case.
_PARAMETER = (
    rf"{_letter(';')}{_SPACE}{''.join(map(_letter, 'verstat'))}(?![A-Za-z0-9\-.!*_+`'~])"
    rf"(?:{_SPACE}{_letter('=')}{_SPACE}(?:\"(?:[^\"\\]|\\.)*+\"|(?:(?!{_END})[^@>,?\s])*+))?"
)
_ANYWHERE = re.compile(_PARAMETER, re.IGNORECASE | re.DOTALL)
#: A name in quotes is what a caller calls himself; brackets hold a URI, in which a quote hides nothing.
_PIECES = re.compile(
    rf'(?P<quoted>"(?:[^"\\]|\\.)*+")|(?P<brackets><[^<>]*+>)|{_PARAMETER}', re.IGNORECASE | re.DOTALL
)
_URI = re.compile(r"(?P<scheme>sips?|tel):(?P<rest>[^<>\s,]*+)", re.IGNORECASE)


def strip(value: str) -> str:
    """A From, P-Asserted-Identity or other address header without any `verstat`; all else as it was."""
    return _PIECES.sub(_without, value)


def _without(piece: re.Match[str]) -> str:
    if piece["quoted"] is not None:
        return piece["quoted"]
    if piece["brackets"] is not None:
        return _ANYWHERE.sub("", piece["brackets"])
    return ""


def place(value: str, verstat: str) -> str:
    """The value with `verstat` once: at the end of the user part of its first URI, whose number was verified.

    A `sip` URI gets `user=phone`, without which its user part is a name and not a number with parameters (RFC
    3261 section 19.1.6); a URI without brackets gets them, else the parameter would be the header's. Raises
    `ValueError` for a value without a URI that has a user part.
    """
    value = strip(value)
    before, uri, after = _first_uri(value)
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        placed = f"{uri};verstat={verstat}"
    else:
        user, at, host = rest.rpartition("@")
        if not at or not user:
            raise ValueError("a URI without a user part has no place for verstat")
        name, colon, password = user.partition(":")
        placed = f"{scheme}:{name};verstat={verstat}{colon}{password}@{_as_phone(host)}"
    return f"{before}<{placed}>{after}"


def _first_uri(value: str) -> tuple[str, str, str]:
    """What stands before the first URI, it, what stands behind; without the brackets round it."""
    for piece in re.finditer(r'"(?:[^"\\]|\\.)*+"|<([^<>]*+)>', value, re.DOTALL):
        if piece[1] is not None:
            if not _URI.fullmatch(piece[1]):
                raise ValueError("no sip or tel URI between the brackets")
            return value[: piece.start()], piece[1], value[piece.end() :]
    bare = _URI.search(value)
    if bare is None:
        raise ValueError("no sip or tel URI")
    # RFC 3261 section 20: without brackets what follows a semicolon is the header's
    uri, semicolon, parameters = bare[0].partition(";")
    return value[: bare.start()], uri, semicolon + parameters + value[bare.end() :]


def _as_phone(host: str) -> str:
    """Host and parameters, with `user=phone` among them."""
    address, question, headers = host.partition("?")
    if not re.search(r";user=phone(?:;|$)", address, re.IGNORECASE):
        address = re.sub(r";user=[^;]*+", "", address, flags=re.IGNORECASE) + ";user=phone"
    return f"{address}{question}{headers}"

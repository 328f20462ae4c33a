"""Reading `Contact` headers: several to a line, names in quotes, parameters of the header and of the URI."""

from dataclasses import dataclass

from trunkward.sip.uri import MalformedUri, SipUri, parse_uri

#: Characters of all Contact headers of one message that are looked at (our limit).
MAX_CONTACTS = 4096


class MalformedContact(ValueError):
    """Not a Contact we can read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact."""

    #: As it was written, without angle brackets: requests to it carry exactly this.
    uri: str
    read: SipUri
    #: Parameters of the header, by lower-case name, quotes undone; "" for one without a value.
    params: dict[str, str]


def parse_contacts(values: list[str]) -> list[Contact] | None:
    """The contacts of one message, in their order; None for `*` (RFC 3261 section 10.2.2).

    Raises `MalformedContact`.
    """
    if sum(map(len, values)) > MAX_CONTACTS:
        raise MalformedContact(f"more than {MAX_CONTACTS} characters of contacts")
    found = [part for value in values for part in _split(value, ",")]
    if "*" in found:
        if found != ["*"]:
            raise MalformedContact("'*' beside another contact")
        return None
    return [_contact(part) for part in found]


def _contact(text: str) -> Contact:
    parts = _split(text, ";")
    if "<" in parts[0]:
        name, _, inside = parts[0].partition("<") if not parts[0].startswith('"') else _after_quotes(parts[0])
        uri, bracket, after = inside.partition(">")
        if not bracket or after.strip() or "<" in uri or '"' in name:
            raise MalformedContact("no URI in angle brackets")
    else:
        # RFC 3261 section 20: without brackets all that follows a semicolon is the header's
        uri = parts[0]
    try:
        read = parse_uri(uri)
    except MalformedUri as problem:
        raise MalformedContact(str(problem)) from None
    return Contact(uri=uri, read=read, params=_params(parts[1:]))


def _after_quotes(text: str) -> tuple[str, str, str]:
    """Like `partition("<")`, behind a display name in quotes; the name itself is of no use."""
    _, end = _quoted(text, 0)
    blank, bracket, inside = text[end:].partition("<")
    if not bracket or blank.strip():
        raise MalformedContact("something between a name in quotes and its URI")
    return "", bracket, inside


def _params(parts: list[str]) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in parts:
        name, _, value = (side.strip() for side in part.partition("="))
        name = name.lower()
        if not name or name in params:
            raise MalformedContact("an empty or repeated parameter")
        if value.startswith('"'):
            value, end = _quoted(value, 0)
            if end != len(part.partition("=")[2].strip()):
                raise MalformedContact("something behind a quoted parameter")
        params[name] = value
    return params


def _split(text: str, separator: str) -> list[str]:
    """Parts of `text` between separators that stand neither in quotes nor in angle brackets, stripped."""
    parts, start, at, inside = [], 0, 0, False
    while at < len(text):
        character = text[at]
        if character == '"' and not inside:
            _, at = _quoted(text, at)
            continue
        if character in "<>":
            inside = character == "<"
        elif character == separator and not inside:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    return [*parts, text[start:].strip()]


def _quoted(text: str, at: int) -> tuple[str, int]:
    """What stands in the quotes that begin at `at`, escapes undone, and where they have ended."""
    found: list[str] = []
    at += 1
    while at < len(text):
        if text[at] == '"':
            return "".join(found), at + 1
        if text[at] == "\\":
            at += 1
        found.append(text[at : at + 1])
        at += 1
    raise MalformedContact("quotes that are not closed")

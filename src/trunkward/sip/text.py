"""Text that goes into headers: nothing from outside may end a header or begin one."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class UnsafeHeader(ValueError):
    """A value that cannot stand in a header: it would break out of its line."""


def safe_value(text: str) -> str:
    """`text` itself. Raises `UnsafeHeader` if it holds CR, LF or any other control character."""
    # what is printable has none, and that is seen much sooner
    if not text.isprintable() and _CONTROL.search(text):
        raise UnsafeHeader("a control character in a header value")
    return text


def quoted(text: str) -> str:
    """`text` as a `quoted-string` (RFC 3261 section 25.1). Raises `UnsafeHeader` as `safe_value` does."""
    escaped = safe_value(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def shown(text: str, most: int = 80) -> str:
    """`text` made fit to be read by a person in a message: controls as `?`, at most `most` characters."""
    clean = _CONTROL.sub("?", text[: most + 1])
    return clean if len(clean) <= most else clean[: most - 3] + "..."

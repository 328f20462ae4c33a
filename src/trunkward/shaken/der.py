"""Just enough DER (ITU-T X.690) for the extensions of RFC 8226 and RFC 9118, which no library knows."""

from collections.abc import Iterator

SEQUENCE = 0x30
INTEGER = 0x02
UTF8_STRING = 0x0C
IA5_STRING = 0x16


def context(number: int) -> int:
    """The tag `[number]`, explicit."""
    return 0xA0 | number


class MalformedDer(ValueError):
    """Not DER, or not what was expected there."""


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in turn. Raises `MalformedDer`.

    Tags of one byte, lengths of at most two bytes and in their shortest form.
    """
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise MalformedDer("an element that is cut off")
        tag, length = data[at], data[at + 1]
        at += 2
        if tag & 0x1F == 0x1F:
            raise MalformedDer("a tag of several bytes")
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            if count not in (1, 2) or length < (0x80 if count == 1 else 0x100):
                raise MalformedDer("a length that is not in its shortest form")
            at += count
        if at + length > len(data):
            raise MalformedDer("an element that is cut off")
        yield tag, data[at : at + length]
        at += length


def only(data: bytes, tag: int) -> bytes:
    """Content of the one element that `data` is. Raises `MalformedDer`."""
    found = list(elements(data))
    if len(found) != 1 or found[0][0] != tag:
        raise MalformedDer("another element than expected")
    return found[0][1]


def integer(content: bytes) -> int:
    """Content of an INTEGER that is not negative, in its shortest form. Raises `MalformedDer`."""
    if not content or content[0] & 0x80 or (len(content) > 1 and content[0] == 0 and not content[1] & 0x80):
        raise MalformedDer("an integer that is negative or not in its shortest form")
    return int.from_bytes(content, "big")


def text(content: bytes, encoding: str) -> str:
    """Content of a string. Raises `MalformedDer`."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise MalformedDer("a string in another encoding") from None

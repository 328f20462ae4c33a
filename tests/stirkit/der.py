"""DER as it is written: elements, and the TNAuthLists of numbers made of them."""

SEQUENCE, INTEGER, IA5_STRING = 0x30, 0x02, 0x16
#: RFC 8226 section 9, TNEntry: `range [1]`, `one [2]`, explicit.
_RANGE, _ONE = 0xA1, 0xA2


def element(tag: int, content: bytes) -> bytes:
    """One element, its length in the shortest form."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_numbers(*numbers: tuple[str, int]) -> bytes:
    """A TNAuthList of numbers: the first, and how many, of each entry."""
    return element(SEQUENCE, b"".join(_entry(first, count) for first, count in numbers))


def _entry(first: str, count: int) -> bytes:
    number = element(IA5_STRING, first.encode("ascii"))
    if count == 1:
        return element(_ONE, number)
    counted = element(INTEGER, count.to_bytes(count.bit_length() // 8 + 1, "big"))
    return element(_RANGE, element(SEQUENCE, number + counted))

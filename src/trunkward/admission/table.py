"""A read-only hash table laid out in bytes, looked up in place: nothing is decoded but the value found.

A prefix table is the same behind the lengths its keys have, so that the longest one a text begins with is
found by asking for those alone: their count (a byte), then the lengths (a byte each), the longest first.

Layout, little-endian: slot count and entry count (u32 each), the slots (u32: entry number + 1, 0 for
empty; open addressing, linear probing), the entries (key offset, key length, value offset, value
length; u32 each, from the table's start), then keys and values.
"""

import struct
from collections.abc import Iterator, Mapping
from zlib import crc32

_HEAD = struct.Struct("<II")
_WORD = 4
_ENTRY = struct.Struct("<IIII")


class TableTooLarge(ValueError):
    """More than 4 GiB in one table."""


def build_table(items: Mapping[bytes, bytes]) -> bytes:
    """The table of `items`; equal items give equal bytes."""
    # at most half full: a miss ends at the first empty slot
    size = 8
    while size < 2 * len(items):
        size *= 2
    slots = [0] * size
    entries = bytearray()
    blob = bytearray()
    base = _HEAD.size + size * _WORD + len(items) * _ENTRY.size
    for number, key in enumerate(sorted(items), 1):
        value = items[key]
        at = base + len(blob)
        blob += key
        blob += value
        if base + len(blob) >= 2**32:
            raise TableTooLarge
        entries += _ENTRY.pack(at, len(key), at + len(key), len(value))
        slot = crc32(key) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    return b"".join([_HEAD.pack(size, len(items)), struct.pack(f"<{size}I", *slots), entries, blob])


def build_prefixes(items: Mapping[bytes, bytes]) -> bytes:
    """The prefix table of `items`."""
    lengths = sorted({len(key) for key in items}, reverse=True)
    return bytes([len(lengths), *lengths]) + build_table(items)


class Table:
    """One table in a buffer."""

    __slots__ = ("_buffer", "_entries", "_mask", "_slots", "count")

    def __init__(self, buffer: memoryview) -> None:
        """`buffer` is exactly the table; its bytes have been checked by whoever hands it over."""
        size, count = _HEAD.unpack_from(buffer)
        self.count: int = count
        entries = _HEAD.size + size * _WORD
        self._buffer = buffer
        self._mask = size - 1
        # read as the machine's own numbers, which are little-endian wherever Debian's packages are used here
        self._slots = buffer[_HEAD.size : entries].cast("I")
        self._entries = buffer[entries : entries + self.count * _ENTRY.size].cast("I")

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, copied out of the buffer."""
        buffer, slots, entries, mask = self._buffer, self._slots, self._entries, self._mask
        slot = crc32(key) & mask
        while number := slots[slot]:
            at = 4 * number - 4
            begin, length = entries[at], entries[at + 1]
            if length == len(key) and buffer[begin : begin + length] == key:
                value = entries[at + 2]
                return bytes(buffer[value : value + entries[at + 3]])
            slot = (slot + 1) & mask
        return None

    def __iter__(self) -> Iterator[bytes]:
        """All keys, sorted."""
        for at in range(0, 4 * self.count, 4):
            begin = self._entries[at]
            yield bytes(self._buffer[begin : begin + self._entries[at + 1]])


class PrefixTable:
    """One prefix table in a buffer."""

    __slots__ = ("_lengths", "_table")

    def __init__(self, buffer: memoryview) -> None:
        """As of `Table`."""
        count = buffer[0]
        self._lengths = bytes(buffer[1 : 1 + count])
        self._table = Table(buffer[1 + count :])

    def longest(self, text: bytes) -> tuple[int, bytes] | None:
        """Length and value of the longest key that `text` begins with."""
        get, most = self._table.get, len(text)
        for length in self._lengths:
            if length <= most and (found := get(text[:length])) is not None:
                return length, found
        return None

"""A read-only hash table laid out in bytes, looked up in place: nothing is decoded but the value found.

Layout, little-endian: slot count and entry count (u32 each), the slots (u32: entry number + 1, 0 for
empty; open addressing, linear probing), the entries (key offset, key length, value offset, value
length; u32 each, from the table's start), then keys and values.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

_HEAD = struct.Struct("<II")
_SLOT = struct.Struct("<I")
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
    base = _HEAD.size + size * _SLOT.size + len(items) * _ENTRY.size
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


class Table:
    """One table in a buffer."""

    __slots__ = ("_buffer", "_entries", "_mask", "count")

    def __init__(self, buffer: memoryview) -> None:
        """`buffer` is exactly the table; its bytes have been checked by whoever hands it over."""
        size, self.count = _HEAD.unpack_from(buffer)
        self._buffer = buffer
        self._mask = size - 1
        self._entries = _HEAD.size + size * _SLOT.size

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, copied out of the buffer."""
        buffer = self._buffer
        slot = crc32(key) & self._mask
        while True:
            (number,) = _SLOT.unpack_from(buffer, _HEAD.size + slot * _SLOT.size)
            if not number:
                return None
            key_at, key_length, at, length = _ENTRY.unpack_from(
                buffer, self._entries + (number - 1) * _ENTRY.size
            )
            if key_length == len(key) and buffer[key_at : key_at + key_length] == key:
                return bytes(buffer[at : at + length])
            slot = (slot + 1) & self._mask

"""Networks of trunks as keys of a table, found by the longest that is around an address.

A key is a purpose, the IP version, the length, and the network's own bits. How many lookups one question
takes is how many lengths are in use for it, two or three in practice, whatever the number of trunks.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from trunkward.admission.table import Table, build_table
from trunkward.trunks.model import Address, IdentifiedBy, Network, Trunk

_NAMES = msgspec.msgpack.Decoder(list[str])
_LENGTHS = msgspec.msgpack.Decoder(list[int])
_encode = msgspec.msgpack.Encoder().encode


class Purpose(StrEnum):
    """What is asked of a network."""

    #: Whose it is that has nothing else to tell it by.
    ALONE = "a"
    #: Whose it is that must show digest credentials besides, and no certificate.
    WITH_DIGEST = "d"
    #: Whether MD5 may be offered there.
    MD5 = "m"


def build_network_table(trunks: Iterable[Trunk]) -> bytes:
    """The table of these trunks' networks; equal trunks give equal bytes."""
    names: dict[bytes, list[str]] = {}
    lengths: dict[bytes, set[int]] = {}
    for trunk in trunks:
        for purpose in _purposes(trunk):
            for network in trunk.networks:
                names.setdefault(_key(purpose, network), []).append(trunk.name)
                lengths.setdefault(_lengths_key(purpose, network.version), set()).add(network.prefixlen)
    rows = {key: _encode(value) for key, value in names.items()}
    rows |= {key: _encode(sorted(value, reverse=True)) for key, value in lengths.items()}
    return build_table(rows)


def _purposes(trunk: Trunk) -> Iterable[Purpose]:
    if trunk.identified_by == (IdentifiedBy.NETWORK,):
        yield Purpose.ALONE
    if trunk.identified_by == (IdentifiedBy.NETWORK, IdentifiedBy.DIGEST):
        yield Purpose.WITH_DIGEST
    if trunk.unsafe_md5:
        yield Purpose.MD5


class NetworkTable:
    """The table in a buffer."""

    def __init__(self, buffer: memoryview) -> None:
        """`buffer` is exactly the table (`build_network_table`)."""
        self._table = Table(buffer)
        self._lengths = {
            (purpose, version): self._lengths_of(purpose, version)
            for purpose in Purpose
            for version in (4, 6)
        }

    def around(self, purpose: Purpose, address: Address) -> list[str]:
        """The trunks with the longest network around an address, in the file's order; [] for none."""
        bits, number = address.max_prefixlen, int(address)
        for length in self._lengths[purpose, address.version]:
            masked = number >> (bits - length) << (bits - length)
            found = self._table.get(_packed(purpose, address.version, length, masked))
            if found is not None:
                return _NAMES.decode(found)
        return []

    def _lengths_of(self, purpose: Purpose, version: int) -> list[int]:
        found = self._table.get(_lengths_key(purpose, version))
        return _LENGTHS.decode(found) if found is not None else []


def _key(purpose: Purpose, network: Network) -> bytes:
    return _packed(purpose, network.version, network.prefixlen, int(network.network_address))


def _packed(purpose: Purpose, version: int, length: int, number: int) -> bytes:
    return purpose.encode() + bytes((version, length)) + number.to_bytes(4 if version == 4 else 16, "big")


def _lengths_key(purpose: Purpose, version: int) -> bytes:
    return b"lengths" + purpose.encode() + bytes((version,))

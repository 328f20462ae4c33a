"""What one host makes us ask of DNS has an end, whatever DNS does."""

import socket
import time

import pytest

from trunkward.fetch.names import Dns
from trunkward.routing.ports import NamesUnavailable
from trunkward.trunks.model import Host


def test_all_questions_of_a_host_have_one_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        began = time.monotonic()
        names = Dns((Host(host="127.0.0.1", port=silent.getsockname()[1]),), within_s=0.3)
        with pytest.raises(NamesUnavailable, match=r"SRV of _sips\._tcp\.north\.example\.net: .*lifetime"):
            names.srv("_sips._tcp.north.example.net")
        for _ in range(100):
            with pytest.raises(NamesUnavailable, match=r"A of a\.example\.net: not asked: .* 0\.3 s of DNS"):
                names.addresses("a.example.net", 4)
        assert time.monotonic() - began < 15, "each had its own time"

"""More connections than the files a process usually may open."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipkit.certificates import Credential
from sipkit.load.idle import IdleCrowd
from sipkit.transport import Address, client_context
from wire.up.conftest import Home

USUAL = 1024
#: From each of two addresses: Kamailio takes 1,024 from one (tcp_accept_iplimit).
CROWD = 550
SBC = Address(host="127.0.0.10", port=5061)


@pytest.fixture
def under_the_usual_limit(home: Home) -> Iterator[Home]:
    """A node started by somebody who may open 1024 files (softly); the test itself may open more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL, hard))
    try:
        home.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        yield home
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(pid: int) -> int:
    """The soft limit a process runs under."""
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
        if line.startswith("Max open files")
    ]
    return int(line.split()[3])


def test_more_connections_than_1024(under_the_usual_limit: Home) -> None:
    """Summary: a node started under a limit of 1,024 files holds 1,100 TLS connections."""
    home = under_the_usual_limit
    engines = [
        pid for pid, command in home.processes().items() if "/kamailio " in command and "-f" in command
    ]
    assert engines
    assert min(open_files(pid) for pid in engines) > 2 * CROWD
    peers = home.path / "state" / "pki" / "peers"
    credential = Credential(certificate=peers / "acme-hq.pem", key=peers / "acme-hq.key")
    tls = client_context(home.path / "state" / "pki" / "sip-ca.pem", credential)

    async def scenario() -> list[tuple[int, int]]:
        crowds = [IdleCrowd(SBC, [tls], "sbc.example.com", host) for host in ("127.0.0.1", "127.0.0.2")]
        for crowd in crowds:
            await crowd.open(CROWD)
        await asyncio.sleep(1)  # a connection that is one too many is closed after its handshake
        seen = [(crowd.alive, crowd.counts.failed) for crowd in crowds]
        for crowd in crowds:
            await crowd.close()
        return seen

    assert asyncio.run(scenario()) == [(CROWD, 0)] * 2

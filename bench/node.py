"""The node as a system under test: `trunkward up` with a directory of its own.

Its trunks come with certificates the node issues, its one carrier is the far end over TLS, checked by
chain and name against the far end's own authority.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from bench import TOOLKIT
from bench.process import stop, tail
from bench.system import FarEnd, Standing, SystemFailedError, TrunkAccess
from trunkward.numbering.area_codes import AREA_CODES

#: A first start makes keys, certificates and databases.
_START_PATIENCE_S = 60.0
_ADDRESS, _PORT, _NAME = "127.0.0.10", 5061, "sbc.example.com"

_CONFIG = """\
node:
  name: {name}
  contact_host: {address}
  address: {address}
  tls_port: {port}
  media:
    ports: "30000-49999"
    unsafe_unanchored: {unanchored}
  identity:
    spc: "000T"
    x5u: https://cert.example.com/trunkward/test.pem
  number_plan:
    country: "1"
  # a machine that measures may have no time server, and calls are to be signed
  unsafe_trusted_clock: true
  unsafe_fictional_numbers: true
  gates: 2

tenants:
  - name: bench
    customer: {{reference: KYC-2026-1, verified: 2026-01-15}}
    trunks:
{trunks}
carriers:
  - name: north
    hosts: [{carrier_host}:{carrier_port}]
    transport: tls
    prefixes: ["+1212"]
    networks: [{carrier_host}/32]
    tls_names: [{carrier_name}]
    ca: {carrier_trust}
"""
_TRUNK = """\
      - name: {name}
        networks: [127.0.0.0/8]
        client_certificate: issued
        limits: {{calls: 100000, international: 100000, per_second: 10000}}
        spend: {{call: 100000, hour: 1000000, day: 1000000, month: 1000000}}
        numbers: ["{number}"]
"""


class TrunkwardNode:
    """A whole node under one directory (TRUNKWARD_HOME). Keep the path short: unix socket paths end at 107
    bytes."""

    def __init__(self, title: str, home: Path, *, anchored: bool = True) -> None:
        """`anchored`: media through rtpengine."""
        self.title = title
        self._home = home
        self._anchored = anchored
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, far_end: FarEnd, trunks: int) -> Standing:
        """Write the node's file, start the node in the foreground, wait until it says it is ready."""
        names = [f"pbx-{index}" for index in range(trunks)]
        # 555-01xx are numbers of nobody: a hundred in each area
        areas = AREA_CODES["US"].split()
        numbers = [f"+1{areas[index // 100]}555{100 + index % 100:04d}" for index in range(trunks)]
        self._home.chmod(0o755)  # the node's users look in
        # as on a machine: what lives under /run is memory, what lives under /var/lib is disk
        (self._home / "run").mkdir(exist_ok=True)
        await _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(self._home / "run"))
        (self._home / "node.yaml").write_text(
            _CONFIG.format(
                name=_NAME,
                address=_ADDRESS,
                port=_PORT,
                unanchored="false" if self._anchored else "true",
                trunks="".join(
                    _TRUNK.format(name=name, number=number)
                    for name, number in zip(names, numbers, strict=True)
                ),
                carrier_host=far_end.host,
                carrier_port=far_end.port,
                carrier_name=far_end.server_name,
                carrier_trust=far_end.trust,
            )
        )
        log = self._home / "up.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                "trunkward",
                "up",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=TOOLKIT.parent,
                env=os.environ | {"TRUNKWARD_HOME": str(self._home)},
            )
        await self._until_ready(log)
        pki = self._home / "state" / "pki"
        return Standing(
            host=_ADDRESS,
            port=_PORT,
            server_name=_NAME,
            trust=pki / "sip-ca.pem",
            trunks=tuple(
                TrunkAccess(
                    certificate=pki / "peers" / f"{name}.pem",
                    key=pki / "peers" / f"{name}.key",
                    caller=f"sip:{number}@{name}.example.com",
                    called=f"sip:+12125550199@{_ADDRESS}:{_PORT};transport=tls",
                )
                for name, number in zip(names, numbers, strict=True)
            ),
            root_pid=self._process.pid,
        )

    async def stop(self) -> None:
        """Stop as a person does, with Ctrl-C."""
        if self._process is not None:
            await stop(self._process, signal.SIGINT)
            self._process = None
            await _run("umount", str(self._home / "run"))

    async def _until_ready(self, log: Path) -> None:
        assert self._process is not None
        for _ in range(int(_START_PATIENCE_S / 0.1)):
            if _says_ready(log):
                return
            if self._process.returncode is not None:
                raise SystemFailedError(f"ended with exit {self._process.returncode}:\n{tail(log)}")
            await asyncio.sleep(0.1)
        raise SystemFailedError(f"not ready after {_START_PATIENCE_S} s:\n{tail(log)}")


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait() != 0:
        raise SystemFailedError(f"{' '.join(command)}: exit {process.returncode}")


def _says_ready(log: Path) -> bool:
    return "ready after" in log.read_text(errors="replace")

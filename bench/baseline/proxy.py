"""Runs the bare Kamailio proxy in a directory of its own, with a throw-away authority."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from bench.process import free_port, stop, until_listening
from bench.system import FarEnd, Standing, TrunkAccess
from sipkit.certificates import ThrowawayAuthority
from trunkward.engines.kamailio import kamailio_command
from trunkward.settings import Paths

_TEMPLATES = Path(__file__).parent
_START_PATIENCE_S = 15.0
#: Of Kamailio's command line: sizes of shared and private memory, and their managers.
_MEMORY_OPTIONS = ("-m", "-M", "-x", "-X")


class BareProxy:
    """Kamailio with native routing and nothing else."""

    title = "bare proxy"

    def __init__(self, directory: Path, host: str = "127.0.0.1") -> None:
        self._directory = directory
        self._host = host
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, far_end: FarEnd, trunks: int) -> Standing:
        """Render the configuration, start Kamailio in the foreground, wait for its port."""
        authority = ThrowawayAuthority(self._directory / "pki", "bench customers")
        own = authority.issue("sbc.example.com", hosts=("sbc.example.com", self._host))
        port = free_port(self._host)
        values = {
            "HOST": self._host,
            "PORT": str(port),
            "DIRECTORY": str(self._directory),
            "CARRIER": f"{far_end.host}:{far_end.port}",
            "KEY": str(own.key),
            "CERTIFICATE": str(own.certificate),
            "TRUST": str(authority.trust),
            "CARRIER_TRUST": str(far_end.trust),
        }
        for name in ("kamailio.cfg", "tls.cfg"):
            text = (_TEMPLATES / name).read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            (self._directory / name).write_text(text)
        log = self._directory / "kamailio.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                "kamailio", "-DD", "-E",
                "-f", str(self._directory / "kamailio.cfg"),
                "-Y", str(self._directory),
                "-P", str(self._directory / "kamailio.pid"),
                *_memory_options(),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        await until_listening(self._host, port, self._process, log, _START_PATIENCE_S)
        return Standing(
            host=self._host,
            port=port,
            server_name="sbc.example.com",
            trust=authority.trust,
            trunks=tuple(_access(authority, index, self._host, port) for index in range(trunks)),
            root_pid=self._process.pid,
        )

    async def stop(self) -> None:
        """Stop Kamailio; its main process takes the others with it."""
        if self._process is not None:
            await stop(self._process)
            self._process = None


def _memory_options() -> list[str]:
    """The node's own, whatever they are: the yardstick must not differ in what every message pays."""
    command = kamailio_command(Paths.from_environment())
    return [
        word
        for option, value in itertools.pairwise(command)
        if option in _MEMORY_OPTIONS
        for word in (option, value)
    ]


def _access(authority: ThrowawayAuthority, index: int, host: str, port: int) -> TrunkAccess:
    credential = authority.issue(f"pbx{index}.example.com")
    return TrunkAccess(
        certificate=credential.certificate,
        key=credential.key,
        caller=f"sip:+1202555{100 + index:04d}@pbx{index}.example.com",
        called=f"sip:+12025550199@{host}:{port};transport=tls",
    )

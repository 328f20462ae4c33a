"""A real ACME authority (Let's Encrypt's own for tests), with a DNS that says everybody is the node.

It is strict where public ones are, and ruder: it refuses good nonces, forgets everything with each start, and
looks at the name for real.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from sipkit.certificates import ThrowawayAuthority

HOST = "127.0.0.60"
PORT = 14000
MANAGEMENT = 15000
DNS_PORT = 8053
DIRECTORY = f"https://{HOST}:{PORT}/dir"
#: Of external account binding; made up, like everything here.
KEY_ID = "kid-1"
MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


class Pebble:
    """An authority that can be taken away, brought back, and told to refuse."""

    def __init__(
        self, *, lifetime_s: int, node_address: str = "", node_address6: str = "", http_port: int = 80
    ) -> None:
        """`lifetime_s`: of what it issues; the addresses are what every name leads to, "" for none."""
        self.directory = Path(tempfile.mkdtemp(prefix="tw-ca-", dir="/tmp"))
        self.directory.chmod(0o755)
        self._own = ThrowawayAuthority(self.directory / "https", "authority of the authority's HTTPS")
        #: What its HTTPS is checked against.
        self.trust = self._own.trust
        self._credential = self._own.issue(HOST)
        self._lifetime_s, self._http_port = lifetime_s, http_port
        self._process: subprocess.Popen[bytes] | None = None
        command = ["pebble-challtestsrv", "-defaultIPv4", node_address]
        command += ["-defaultIPv6", node_address6]
        command += ["-dns01", f"{HOST}:{DNS_PORT}", "-management", f"{HOST}:8055"]
        for unused in ("doh", "http01", "https01", "tlsalpn01"):
            command += [f"-{unused}", ""]
        with (self.directory / "dns.log").open("wb") as log:
            self._dns = subprocess.Popen(command, stdout=log, stderr=log)

    def start(self, *, refuses: str = "", lifetime_s: int = 0) -> None:
        """Begins anew, knowing nobody; `refuses`: a name it will not certify; `lifetime_s`: from now on another."""
        self._lifetime_s = lifetime_s or self._lifetime_s
        config = {
            "listenAddress": f"{HOST}:{PORT}",
            "managementListenAddress": f"{HOST}:{MANAGEMENT}",
            "certificate": str(self._credential.certificate),
            "privateKey": str(self._credential.key),
            "httpPort": self._http_port,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": True,
            "externalAccountMACKeys": {KEY_ID: MAC_KEY},
            "domainBlocklist": [refuses] if refuses else [],
            "retryAfter": {"authz": 1, "order": 1},
            "certificateValidityPeriod": self._lifetime_s,
        }
        file = self.directory / "pebble.json"
        file.write_text(json.dumps({"pebble": config}))
        environment = os.environ | {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": "20",
            # each order is proved for itself
            "PEBBLE_AUTHZREUSE": "0",
        }
        command = ["pebble", "-strict", "-config", str(file), "-dnsserver", f"{HOST}:{DNS_PORT}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + 40
        root = b""
        while not root:
            try:
                root = self._asked("/roots/0") + self._asked("/intermediates/0")
            except OSError:
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < until, self.log.read_text()
                time.sleep(0.05)
        #: What a peer that trusts this authority checks the node's certificate against.
        self.root = self.directory / "root.pem"
        self.root.write_bytes(root)

    @property
    def log(self) -> Path:
        """What it said."""
        return self.directory / "pebble.log"

    def stop(self) -> None:
        """Gone, as a machine that lost its network."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ends everything."""
        self.stop()
        self._dns.kill()
        self._dns.wait()

    def _asked(self, path: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.trust))
        with urllib.request.urlopen(
            f"https://{HOST}:{MANAGEMENT}{path}", context=context, timeout=2
        ) as answer:
            found: bytes = answer.read()
        return found

"""A Valkey of Debian's package, for tests and benchmarks: the node's users and functions, in a directory of its own."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from sipkit.certificates import Credential
from sipkit.transport import Address
from trunkward.engines.valkey import SHARED_USERS, USERS, render_users_acl, render_valkey_conf
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.live.client import LiveClient
from trunkward.settings import Paths


class OwnValkey:
    """One server on a unix socket below `home`; started, its functions loaded."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        functions: bool = True,
        tls: tuple[Address, Credential] | None = None,
    ) -> None:
        """Starts it. Without a `home` it has one that goes with it; `tls`: where many nodes reach it, too."""
        self._temporary = home is None
        # short, for the socket
        self.home = home or Path(tempfile.mkdtemp(prefix="tw-vk-", dir="/tmp"))
        self.paths = Paths(
            config=self.home / "node.yaml", state=self.home / "state", run=self.home / "run", log=self.home
        )
        self.paths.valkey_run.mkdir(parents=True)
        self.paths.valkey_data.mkdir(parents=True)
        passwords = {user: user * 8 for user in (USERS if tls is None else SHARED_USERS)}
        for user, password in passwords.items():
            self.paths.valkey_secret(user).write_text(password)
        (self.paths.valkey_run / "users.acl").write_text(render_users_acl(passwords))
        self.configuration = self.paths.valkey_run / "valkey.conf"
        conf = render_valkey_conf(self.paths)
        if tls is not None:
            at, shown = tls
            conf += f"tls-port {at.port}\ntls-cert-file {shown.certificate}\ntls-key-file {shown.key}\n"
            conf += f"tls-auth-clients no\nbind {at.host}\n"
        self.configuration.write_text(conf)
        self._functions = functions
        self.start()

    def start(self) -> None:
        """Starts it again after `kill`, on what it has kept."""
        with (self.home / "valkey.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["valkey-server", str(self.configuration)], stdout=log, stderr=log
            )
        until = time.monotonic() + 30
        while True:
            try:
                with self.asks("worker") as valkey:
                    valkey.ask("PING")
                    if self._functions:
                        valkey.load(users=True)
                return
            except NotAnswered:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise AssertionError((self.home / "valkey.log").read_text()) from None
                time.sleep(0.01)

    def asks(self, user: str) -> Valkey:
        """A connection for one question after the other."""
        return Valkey(self.paths.valkey, user, self.paths.valkey_secret(user))

    def gate(self, deadline_s: float = 10) -> LiveClient:
        """A gate's client; more patient than a gate's, on a machine that has other work."""
        return LiveClient(self.paths.valkey, "gate", self.paths.valkey_secret("gate"), deadline_s)

    def wait_until_written(self) -> None:
        """Until its file has all it was told: while one second's part is being synced, the next waits in memory."""
        with self.asks("root") as root:
            while b"aof_buffer_length:0\r" not in root.ask("INFO", "persistence"):
                time.sleep(0.005)

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()

    def lose_everything(self) -> None:
        """It is back, and has nothing of what it had."""
        self.kill()
        shutil.rmtree(self.paths.valkey_data)
        self.paths.valkey_data.mkdir()
        self.start()

    def close(self) -> None:
        """Ends it."""
        self.process.send_signal(signal.SIGCONT)
        self.kill()
        if self._temporary:
            shutil.rmtree(self.home, ignore_errors=True)

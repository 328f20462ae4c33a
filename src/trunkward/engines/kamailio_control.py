"""What a running Kamailio is told, over its control socket; and what it then shows."""

import hashlib
import socket
import ssl
import subprocess
from pathlib import Path

_KAMCMD = "/usr/sbin/kamcmd"
#: Seconds; it reads a few files.
_ANSWERS_S = 10.0
_HANDSHAKE_S = 3.0


class NotDone(Exception):
    """Kamailio did not do as told; the message is what it said."""


def reload_tls(control: Path) -> None:
    """Makes new connections use what `tls.cfg` names now; the old ones go on. Raises `NotDone`.

    With a file it cannot use Kamailio keeps everything as it was.
    """
    try:
        said = subprocess.run(
            [_KAMCMD, "-s", f"unix:{control}", "tls.reload"],
            capture_output=True,
            text=True,
            timeout=_ANSWERS_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotDone(f"kamcmd: {problem}") from None
    # it ends with 0 whatever happened
    answer = " ".join((said.stdout + said.stderr).split())
    if not answer.startswith("Ok."):
        raise NotDone(answer or f"kamcmd ended with {said.returncode} and said nothing")


def shown_sha256(host: str, port: int) -> str:
    """SHA-256 of the certificate that a new connection gets, in DER, lower-case hex. Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # which one it is, is the question; whether it is good was answered before
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_HANDSHAKE_S) as plain,
        context.wrap_socket(plain) as tls,
    ):
        return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()

"""SHAKEN tokens made by hand and by openssl, sharing nothing with the room that makes them in the node."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from trunkward.calltest.parties import LabShaken

NOW_S = 1_800_000_000.0
X5U = "https://cert.example.com/shaken.pem"
HEADER = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U}
CLAIMS = {
    "attest": "A",
    "dest": {"tn": ["12025550142"]},
    "iat": int(NOW_S),
    "orig": {"tn": "12025550101"},
    "origid": "123e4567-e89b-12d3-a456-426655440000",
}


def openssl(*arguments: str, cwd: Path) -> bytes:
    return subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True).stdout


def make_authority(home: Path) -> LabShaken:
    """A SHAKEN test authority with one certificate, and another authority beside it, all made by openssl."""
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "otherca"):
        openssl(
            "req",
            "-x509",
            *new,
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
            cwd=home,
        )
    openssl("req", *new, "-subj", "/CN=SHAKEN 709J", "-keyout", "leaf.key", "-out", "leaf.csr", cwd=home)
    (home / "ext").write_text("1.3.6.1.5.5.7.1.26=DER:30:08:A0:06:16:04:37:30:39:4A\n")
    ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl("x509", "-req", "-in", "leaf.csr", *ca, "-extfile", "ext", "-out", "leaf.pem", cwd=home)
    return LabShaken(
        authority=home / "ca.pem",
        authority_key=home / "ca.key",
        certificate=home / "leaf.pem",
        spc="709J",
        x5u=X5U,
    )


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def token(shaken: LabShaken, header: dict[str, Any], claims: dict[str, Any]) -> str:
    home = shaken.certificate.parent
    signed = f"{base64url(canonical(header))}.{base64url(canonical(claims))}"
    (home / "signed").write_text(signed)
    der = openssl("dgst", "-sha256", "-sign", "leaf.key", "signed", cwd=home)
    r_end = 4 + der[3]
    numbers = (der[4:r_end], der[r_end + 2 :])
    raw = b"".join(number.lstrip(b"\x00").rjust(32, b"\x00") for number in numbers)
    return f"{signed}.{base64url(raw)};info=<{X5U}>;alg=ES256;ppt=shaken"

"""Summary: OpenSSL and Debian's secsipidx accept our Identity, and refuse it once it is changed."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from trunkward.engines.signer_client import SignerClient
from trunkward.shaken import base64url


@pytest.fixture
def identity(node: Any) -> str:
    """An Identity value with level A from a running signer."""
    node.start()

    async def sign() -> str:
        client = SignerClient(node.socket)
        try:
            return (await client.sign(node.request("A", evidence=node.token()), 20)).identities[0]
        finally:
            await client.close()

    return asyncio.run(sign())


def public_key(node: Any) -> Path:
    path: Path = node.home / "public.pem"
    path.write_bytes(openssl("x509", "-in", node.files.shaken, "-noout", "-pubkey"))
    return path


def openssl(*arguments: str | Path, check: bool = True) -> bytes:
    return subprocess.run(["openssl", *arguments], check=check, capture_output=True).stdout


def test_openssl_verifies_signature_and_chain(node: Any, identity: str) -> None:
    message, _, signature = identity.partition(";")[0].rpartition(".")
    raw = base64url.decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    (node.home / "signature").write_bytes(der)
    (node.home / "message").write_bytes(message.encode())
    (node.home / "other").write_bytes(message.encode()[:-1] + b"_")
    check = ("dgst", "-sha256", "-verify", public_key(node), "-signature", node.home / "signature")
    assert b"Verified OK" in openssl(*check, node.home / "message")
    assert b"Verified OK" not in openssl(*check, node.home / "other", check=False)
    for authority, leaf in (
        (node.files.shaken_authority, node.files.shaken),
        (node.files.sip_authority, node.files.node),
    ):
        openssl("verify", "-x509_strict", "-CAfile", authority, leaf)


def test_secsipidx_accepts_it(node: Any, identity: str) -> None:
    if shutil.which("secsipidx") is None:
        pytest.skip("Debian's secsipidx is not installed (apt-get install secsipidx)")

    def check(value: str) -> subprocess.CompletedProcess[str]:
        (node.home / "identity").write_text(value)
        return subprocess.run(
            [
                "secsipidx",
                "-check",
                "-fidentity",
                node.home / "identity",
                "-fpubkey",
                public_key(node),
                "-expire",
                "60",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    good = check(identity)
    assert (good.returncode, good.stdout.split()[:1]) == (0, ["ok"]), good
    header, payload, rest = identity.split(".", 2)
    claims = json.loads(base64url.decode(payload)) | {"orig": {"tn": "12025550199"}}
    forged = base64url.encode(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode())
    bad = check(f"{header}.{forged}.{rest}")
    assert bad.returncode != 0 or "ok" not in bad.stdout.split(), bad

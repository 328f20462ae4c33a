"""Who gets which level, through the whole node, verified with the openssl command line."""

import asyncio
import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sipkit import Call
from wire.conftest import Node
from wire.records.parties import CALLED, FOREIGN, OWN, parties


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _verified(identity: str, node: Node, directory: Path) -> dict[str, Any]:
    """The claims of an Identity header (RFC 8224) whose signature openssl finds good."""
    token, *parameters = identity.split(";")
    assert "alg=ES256" in parameters
    assert "ppt=shaken" in [parameter.replace('"', "") for parameter in parameters]
    head, claims, signature = token.split(".")
    raw = _decoded(signature)
    # RFC 7515 appendix A.3: R and S side by side; openssl wants them as ASN.1
    numbers = [int.from_bytes(raw[:32]), int.from_bytes(raw[32:])]
    der = directory / "signature.der"
    (directory / "asn1").write_text(
        "asn1=SEQUENCE:both\n[both]\nr=INTEGER:{}\ns=INTEGER:{}\n".format(*numbers), encoding="ascii"
    )
    _openssl("asn1parse", "-genconf", str(directory / "asn1"), "-out", str(der), "-noout")
    (directory / "signed").write_bytes(f"{head}.{claims}".encode())
    public = directory / "public.pem"
    pki = node.state / "pki"
    public.write_bytes(_openssl("x509", "-in", str(pki / "shaken.pem"), "-pubkey", "-noout"))
    said = _openssl(
        "dgst", "-sha256", "-verify", str(public), "-signature", str(der), str(directory / "signed")
    )
    assert b"Verified OK" in said
    _openssl("verify", "-CAfile", str(pki / "shaken-ca.pem"), str(pki / "shaken.pem"))
    header = json.loads(_decoded(head))
    assert (header["alg"], header["ppt"], header["typ"]) == ("ES256", "shaken", "passport")
    return dict(json.loads(_decoded(claims)))


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=10).stdout


@pytest.fixture(scope="module", autouse=True)
def verified(node: Node) -> None:
    """Somebody found that the trunk may show the other number: elsewhere its rule would replace it."""
    said = node.trunkward(
        *(
            "number",
            "verify",
            FOREIGN,
            "--trunk",
            "acme-hq",
            "--until",
            f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}",
        ),
        *("--evidence", "a letter"),
    )
    assert said.returncode == 0, said.stderr


def test_a_for_own_b_for_others_none_for_strangers(node: Node, tmp_path: Path) -> None:
    """Summary: A for the trunk's own number only, B for a verified one, nothing unsigned passes as either; openssl agrees."""

    async def run() -> list[tuple[Call, Call]]:
        async with parties(node) as lab:
            return [await lab.whole_call(sender=sender) for sender in (OWN, FOREIGN)]

    for (call, received), sender, level in zip(asyncio.run(run()), (OWN, FOREIGN), ("A", "B"), strict=True):
        values = received.invite.get_all("Identity")
        assert len(values) == 1
        claims = _verified(values[0], node, tmp_path)
        assert claims["attest"] == level
        assert claims["orig"] == {"tn": sender.removeprefix("+")}
        assert claims["dest"] == {"tn": [CALLED.removeprefix("+")]}
        assert node.record(call.invite.call_id)["attest"] == level


def test_what_a_customer_brings_along_is_not_passed_on(node: Node, tmp_path: Path) -> None:
    """Summary: an Identity header of the customer's own is removed; inbound and emergency calls are not signed."""

    async def run() -> tuple[Call, Call, Call]:
        async with parties(node) as lab:
            _, genuine = await lab.whole_call()
            stolen = genuine.invite.get("Identity")
            call = await lab.customer.call(
                f"sip:{CALLED}@sbc.example.com",
                lab.flow,
                sender=f"<sip:{FOREIGN}@sbc.example.com>",
                headers=[("Identity", stolen)],
            )
            await call.answered()
            received = await lab.north.incoming()
            await call.bye()
            _, emergency = await lab.whole_call(called="911")
            inbound = await lab.inbound_call()
            return received, emergency, inbound

    received, emergency, inbound = asyncio.run(run())
    values = received.invite.get_all("Identity")
    assert len(values) == 1
    assert _verified(values[0], node, tmp_path)["attest"] == "B"
    assert emergency.invite.get_all("Identity") == ()
    record = node.record(inbound.invite.call_id)
    assert (record["direction"], record["attest"]) == ("inbound", "")

"""One call of `call-test`: what a newcomer sees of verification, and of levels below A."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wire.conftest import Node, trunkward

#: The example's carrier, as it calls, and the trunk's number it calls.
CALLING, CALLED = "+12025550142", "+12025550101"
#: A number that is not the trunk's own.
FOREIGN = "+12025550150"
NAMES = "    tls_names: [north.example.net]\n"
MUST_SIGN = "    verification: {missing: refuse, failed: refuse}\n"


def call_test(node: Node, *arguments: str, code: int = 0) -> str:
    """What it said of a call; it ends with this code."""
    run = subprocess.run(
        [trunkward(), "call-test", *arguments],
        env=node.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    print(f"$ call-test {' '.join(arguments)}\n{run.stderr}{run.stdout}")
    assert run.returncode == code, run.stderr + run.stdout
    return run.stdout


def calls_in(node: Node, *arguments: str) -> list[dict[str, Any]]:
    """The same for a program, of calls from the carrier."""
    report = json.loads(call_test(node, "--carrier", "north", *arguments, "--json"))
    assert report["passed"] is True
    return list(report["calls"])


def test_a_call_from_the_carrier_that_another_provider_has_signed(node: Node) -> None:
    """Summary: `call-test --carrier north --level A` on the example: the customer sees TN-Validation-Passed, and it prints ladder and why; nothing is fetched for it."""
    said = call_test(node, "--carrier", "north", "--level", "A")
    assert (
        f"P-Asserted-Identity: <sip:{CALLING};verstat=TN-Validation-Passed@sbc.example.com;user=phone>"
        in said
    )
    assert "level A, as it had to be" in said
    assert "* admit" in said
    assert "came with     level A, verified: signed by TEST" in said
    assert "no chain" not in node.log("fetcher")


@pytest.mark.parametrize(
    ("fault", "code", "cause"),
    [
        ("expired", 403, "iat-outside-window"),
        ("number", 438, "orig-mismatch"),
        ("tampered", 438, "signature"),
        ("url", 436, "url-refused"),
        ("replay", 438, "replayed"),
    ],
)
def test_a_signature_with_a_fault(node: Node, fault: str, code: int, cause: str) -> None:
    """Summary: each `--fault` of `call-test`: the call goes on marked, the carrier hears Reason: STIR with the code, the record has the cause; a replay is good the first time."""
    *before, call = calls_in(node, "--level", "B", "--fault", fault)
    assert [one["found"] for one in before] == (["level B"] if fault == "replay" else [])
    assert (call["status"], call["found"]) == (200, f"{code} {cause}")
    assert "verstat=TN-Validation-Failed" in call["shown"]
    assert [f"Reason: STIR;cause={code};" in told for told in call["told"]] == [True]


def test_a_number_that_may_be_somebodys_is_not_signed_for(node: Node) -> None:
    """Summary: a signature for a number outside 555-0100 to 555-0199 is refused with 2, and so is a party that is not played."""
    call_test(node, "--carrier", "north", "--level", "A", "--from", "+12024561111", code=2)
    call_test(node, "--carrier", "south", "--level", "A", code=2)
    call_test(node, "--trunk", "north", code=2)


def person(node: Node, name: str, uid: int) -> Callable[..., str]:
    """Somebody who has logged in under a name of his own and became root; what his commands say."""
    sudo = {"SUDO_UID": str(uid), "SUDO_USER": name}
    theirs = replace(node, login=uid, environment=node.environment | sudo)

    def does(*arguments: str) -> str:
        finished = theirs.trunkward(*arguments)
        print(f"$ {' '.join(arguments)}\n{finished.stderr}{finished.stdout}")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    return does


def test_a_call_signed_b_and_then_a(node: Node) -> None:
    """Summary: `call-test --trunk acme-hq --from` a number that is verified and not evidenced: signed B, verified by openssl, and why says what A lacked; once a second person has accepted a letter, the same call is signed A."""
    alice, bob = person(node, "alice", 41001), person(node, "bob", 41002)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"
    letter = node.home / "letter.pdf"
    letter.write_bytes(b"+12025550150 is assigned to Example Corp, which lets Acme show it.")
    alice(*("number", "verify", FOREIGN, "--trunk", "acme-hq", "--until", until, "--evidence", "folder 7"))
    said = call_test(node, "--trunk", "acme-hq", "--from", FOREIGN)
    assert "attest B, verified independently" in said
    assert "signed B by rule B-known-customer" in said
    assert "(no-evidence-for-number)" in said
    alice(
        *("evidence", "add", FOREIGN, "--trunk", "acme-hq", "--kind", "loa", "--file", str(letter)),
        *("--until", until, "--why", "letter of Example Corp"),
    )
    (listed,) = alice("evidence", "list", "--json").splitlines()
    bob("evidence", "review", str(json.loads(listed)["id"]), "--accept", "--why", "called them")
    said = call_test(node, "--trunk", "acme-hq", "--from", FOREIGN)
    assert "attest A, verified independently" in said
    assert "signed A by rule A-loa" in said


def test_a_carrier_whose_calls_must_be_signed(node: Node) -> None:
    """Summary: after `failed: refuse` is applied the fault's own code is the final answer and no customer is called; unsigned calls get 428, good ones go."""
    config = node.home / "node.yaml"
    text = config.read_text(encoding="utf-8")
    assert text.count(NAMES) == 1
    config.write_text(text.replace(NAMES, NAMES + MUST_SIGN), encoding="utf-8")
    applied = node.trunkward("apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    said = call_test(node, "--carrier", "north", "--level", "A", "--fault", "expired")
    assert "the customer saw    nothing: no call reached it" in said
    assert "403 " in said
    (call,) = calls_in(node)
    assert (call["status"], call["found"], call["shown"]) == (428, "no-identity", None)
    (call,) = calls_in(node, "--level", "C")
    assert (call["status"], call["found"]) == (200, "level C")

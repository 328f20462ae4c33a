"""The names of connections: made here, for this start of Kamailio, or worth nothing."""

import hashlib
import hmac

import pytest

from trunkward.edge import flows

KEY = b"k" * 32


def test_a_name_leads_to_its_connection_and_can_stand_in_a_uri() -> None:
    for source in ("192.0.2.7:40001", "[2001:db8::7]:40001"):
        name = flows.token(4711, "ab" * 8, source, KEY)
        assert flows.connection_of(name, "ab" * 8, KEY) == 4711
        assert name.replace("-", "").replace("_", "").isalnum()


def test_the_signature_is_hmac_sha256_as_the_standard_library_has_it() -> None:
    for key, said in ((KEY, b"1 e s"), (b"", b""), (b"x" * 64, b"y" * 200)):
        assert flows._signature(key, said) == hmac.new(key, said, hashlib.sha256).digest()[:16]


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_a_name_that_was_changed_anywhere_leads_nowhere(at: int) -> None:
    name = flows.token(4711, "ab" * 8, "192.0.2.7:40001", KEY)
    other = "A" if name[at] != "A" else "B"
    assert flows.connection_of(name[:at] + other + name[at + 1 :], "ab" * 8, KEY) == 0


@pytest.mark.parametrize("name", ["", "a", "*", "acme-hq", "A" * 22, "é", "A" * 2000])
def test_what_is_no_name_leads_nowhere(name: str) -> None:
    assert flows.connection_of(name, "ab" * 8, KEY) == 0


def test_another_start_or_key_knows_none_of_it() -> None:
    name = flows.token(4711, "ab" * 8, "192.0.2.7:40001", KEY)
    assert flows.connection_of(name, "cd" * 8, KEY) == 0
    assert flows.connection_of(name, "ab" * 8, b"o" * 32) == 0

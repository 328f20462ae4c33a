"""Whatever is written in a header: read or refused, and what was altered proves nothing."""

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.digest.algorithm import Algorithm, ha1_of, response_of
from trunkward.digest.header import Unreadable, parameters, read
from trunkward.digest.nonce import CHANCE_BYTES, NonceRefused, Nonces

NOW = 1_800_000_000.0
names = st.sampled_from(
    [
        "username",
        "realm",
        "nonce",
        "uri",
        "response",
        "algorithm",
        "cnonce",
        "qop",
        "nc",
        "opaque",
        "username*",
    ]
)
pieces = st.one_of(
    names,
    st.sampled_from(
        ["Digest ", "=", ",", '"', "\\", " ", "\t", "auth", "SHA-256", "MD5", "00000001", "\r\n "]
    ),
    st.text(max_size=4),
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_anything_is_read_or_refused(text: str) -> None:
    for value in (text, f"Digest {text}"):
        with suppress(Unreadable):
            read(parameters(value))


quoted = st.text(
    st.sampled_from(string.ascii_letters + string.digits + " !#$%&'()*+,-./:;<=>?@[]^_`{|}~"), min_size=1
)


@given(
    username=quoted,
    realm=quoted,
    nonce=quoted,
    uri=quoted,
    cnonce=quoted,
    nc=st.integers(1, 2**32 - 1),
    algorithm=st.sampled_from(Algorithm),
)
def test_what_was_written_is_read(
    username: str, realm: str, nonce: str, uri: str, cnonce: str, nc: int, algorithm: Algorithm
) -> None:
    response = "ab" * (algorithm.digits // 2)
    found = read(
        parameters(
            f'Digest username="{username}",realm="{realm}", nonce="{nonce}",\turi="{uri}",'
            f' response="{response}", cnonce="{cnonce}", qop=auth, nc={nc:08x}, algorithm={algorithm}'
        )
    )
    assert (found.username, found.realm, found.nonce, found.uri) == (username, realm, nonce, uri)
    assert (found.cnonce, found.count, found.response, found.algorithm) == (cnonce, nc, response, algorithm)


@given(st.data())
def test_any_other_character_makes_another_response(data: st.DataObject) -> None:
    said = {
        "method": "INVITE",
        "uri": "sip:+12025550199@a",
        "nonce": "n" * 48,
        "nc": "00000001",
        "cnonce": "c" * 8,
    }
    ha1 = ha1_of(Algorithm.SHA256, "acme", "sbc.example.com", "swordfish")
    name = data.draw(st.sampled_from(sorted(said)))
    at = data.draw(st.integers(0, len(said[name]) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefXYZ").filter(lambda one: one != said[name][at]))
    altered = said | {name: said[name][:at] + other + said[name][at + 1 :]}
    assert response_of(Algorithm.SHA256, ha1, **altered) != response_of(Algorithm.SHA256, ha1, **said)


@given(st.data())
def test_a_nonce_with_one_byte_altered_is_none(data: st.DataObject) -> None:
    nonces = Nonces(key=b"k" * 32, realm="sbc.example.com")
    nonce = nonces.make(NOW, data.draw(st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES)), 7)
    at = data.draw(st.integers(0, len(nonce) - 1))
    alphabet = string.ascii_letters + string.digits + "-_+/="
    other = data.draw(st.sampled_from(alphabet).filter(lambda one: one != nonce[at]))
    nonces.check(nonce, NOW)
    with pytest.raises(NonceRefused):
        nonces.check(nonce[:at] + other + nonce[at + 1 :], NOW)


@given(st.text())
def test_any_other_text_is_no_nonce(text: str) -> None:
    with pytest.raises(NonceRefused):
        Nonces(key=b"k" * 32, realm="sbc.example.com").check(text, NOW)

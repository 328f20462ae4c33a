"""A header is read by its grammar, or not at all."""

import pytest

from trunkward.digest.algorithm import Algorithm
from trunkward.digest.header import (
    MOST_CHARACTERS,
    DigestCredentials,
    Unreadable,
    is_digest,
    parameters,
    read,
)

GOOD = {
    "username": '"acme-hq"',
    "realm": '"sbc.example.com"',
    "nonce": '"AbC_-"',
    "uri": '"sip:+12025550199@sbc.example.com"',
    "response": f'"{"0f" * 32}"',
    "algorithm": "SHA-256",
    "cnonce": '"0a4f113b"',
    "qop": "auth",
    "nc": "0000000a",
}


def written(**changed: str | None) -> str:
    parts = {name.rstrip("_"): value for name, value in (GOOD | changed).items()}
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parts.items() if value is not None)


def test_what_a_pbx_sends() -> None:
    assert read(parameters(written())) == DigestCredentials(
        username="acme-hq",
        realm="sbc.example.com",
        nonce="AbC_-",
        uri="sip:+12025550199@sbc.example.com",
        response="0f" * 32,
        algorithm=Algorithm.SHA256,
        cnonce="0a4f113b",
        nc="0000000a",
    )
    assert read(parameters(written())).count == 10


@pytest.mark.parametrize(
    "value",
    [
        "digest " + written().partition(" ")[2],
        written().replace(", ", ",").replace("=", " = "),
        written().replace(", ", "\t ,  "),
        # RFC 3261 25.1: auth-param; RFC 7616: opaque, userhash
        written(opaque='""', userhash="false", x_new='"a\\"b"'),
        written(algorithm="sha-256"),
        written(username=None).replace("Digest ", 'Digest Username="acme-hq", '),
    ],
)
def test_the_same_otherwise_written(value: str) -> None:
    assert read(parameters(value)).username == "acme-hq"


def test_without_an_algorithm_it_is_md5() -> None:
    # RFC 7616 section 3.3
    assert read(parameters(written(algorithm=None, response=f'"{"0" * 32}"'))).algorithm is Algorithm.MD5


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (written(qop=None), "no qop"),
        (written(nc=None), "no nc"),
        (written(cnonce=None), "no cnonce"),
        (written(username=None), "no username"),
        (written(qop="auth-int"), "a qop other"),
        (written(qop='"auth"'), "qop in quotes"),
        (written(nc='"0000000a"'), "nc in quotes"),
        (written(algorithm='"SHA-256"'), "algorithm in quotes"),
        (written(realm="sbc.example.com"), "realm without quotes"),
        (written(algorithm="SHA-512-256"), "an algorithm that was not offered"),
        (written(algorithm="SHA-256-sess"), "an algorithm that was not offered"),
        (written(nc="00000000"), "nc is not"),
        (written(nc="0000000A"), "nc is not"),
        (written(nc="a"), "nc is not"),
        (written(nc="000000001"), "nc is not"),
        (written(response=f'"{"0" * 32}"'), "response is not 64"),
        (written(response=f'"{"0F" * 32}"'), "response is not 64"),
        (written(algorithm="MD5"), "response is not 32"),
        (written(cnonce='""'), "cnonce is empty"),
        (written(userhash="true"), "a hashed or encoded username"),
        (written() + ", username*=UTF-8''acme", "a hashed or encoded username"),
        (written() + ', USERNAME="other"', "username twice"),
        (written() + ",", "no parameter at"),
        (written() + ', x="', "no parameter at"),
        (written() + ', x="\x7f"', "no parameter at"),
        (written() + ", x=\u00e9", "no parameter at"),
        (written() + " y=1", "no parameter at"),
        (written(username='"a\nb"'), "no parameter at"),
        ("Digest ", "no username"),
        ("Digest", "not of the scheme"),
        ("Basic QWxhZGRpbg==", "not of the scheme"),
        ("", "not of the scheme"),
        ("Digest " + "x" * MOST_CHARACTERS, "2055 characters"),
        ("Digest " + ", ".join(f"x{number}=1" for number in range(21)), "more than 20"),
    ],
)
def test_what_cannot_be_read(value: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(parameters(value))


def test_other_schemes_are_nothing_to_us() -> None:
    assert [is_digest(value) for value in ("Digest x", "DIGEST\tx", "Bearer x", "Digestx", "")] == [
        *(True, True),
        *(False, False, False),
    ]

"""What is asked for."""

from trunkward.digest.algorithm import Algorithm
from trunkward.digest.challenge import challenges


def test_one_header_an_algorithm_the_better_first() -> None:
    # RFC 8760 section 2.3
    assert challenges("sbc.example.com", "n0", [Algorithm.SHA256, Algorithm.MD5], stale=False) == [
        'Digest realm="sbc.example.com", nonce="n0", algorithm=SHA-256, qop="auth"',
        'Digest realm="sbc.example.com", nonce="n0", algorithm=MD5, qop="auth"',
    ]


def test_a_nonce_that_was_too_old() -> None:
    (value,) = challenges("r", "n0", [Algorithm.SHA256], stale=True)
    assert value.endswith(", stale=true")

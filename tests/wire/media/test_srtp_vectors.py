"""The tests' own SRTP against the vectors of its RFCs."""

import base64

import pytest

from wire.media.srtp import NotAuthenticError, Stream, derive, keystream

PLAIN = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
SALT = bytes.fromhex("517569642070726f2071756f")


def test_key_derivation() -> None:
    """Summary: RFC 3711 appendix B.3."""
    master = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(master, salt, 0, 16).hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert derive(master, salt, 2, 14).hex() == "30cbbc08863d8c85d49db34a9ae1"
    assert derive(master, salt, 1, 20).hex() == "cebe321f6ff7716b6fd4ab49af256a156d38baa4"


def test_counter_mode() -> None:
    """Summary: RFC 3711 appendix B.2."""
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    iv = bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")
    assert keystream(key, iv, 32).hex() == "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"


@pytest.mark.parametrize(
    ("suite", "length", "sealed"),
    [
        (
            "AEAD_AES_128_GCM",
            16,
            (
                "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
                "8833899d7f27beb16a9152cf765ee4390cce"
            ),
        ),
        (
            "AEAD_AES_256_GCM",
            32,
            (
                "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799"
                "b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
            ),
        ),
    ],
)
def test_gcm(suite: str, length: int, sealed: str) -> None:
    """Summary: RFC 7714 section 16.1, whose keys are session keys."""
    stream = Stream(suite=suite, key=base64.b64encode(bytes(length + 12)).decode())
    stream.ciphers[0], stream.salts[0] = bytes(range(length)), SALT
    assert stream.seal(PLAIN).hex() == sealed
    assert stream.open(bytes.fromhex(sealed)) == PLAIN
    with pytest.raises(NotAuthenticError):
        stream.open(bytes.fromhex(sealed[:-2] + "00"))

"""Offers and answers agree with each other, and no key comes twice."""

import base64

import pytest

from sipkit import sdp


def test_an_answer_takes_one_offered_suite_with_its_tag_and_a_key_of_its_own() -> None:
    offered = sdp.offer(sdp.Profile.SDES)
    (chosen,) = sdp.cryptos_of(sdp.answer(offered, prefer=("AES_CM_128_HMAC_SHA1_80",)))
    assert (chosen.tag, chosen.suite) == (2, "AES_CM_128_HMAC_SHA1_80")
    assert chosen.key not in offered


@pytest.mark.parametrize("suite", sorted(sdp.KEY_AND_SALT_BYTES))
def test_keys_have_the_length_of_their_suite_and_differ(suite: str) -> None:
    first, second = sdp.fresh_key(suite), sdp.fresh_key(suite)
    assert first != second
    assert len(base64.b64decode(first)) == sdp.KEY_AND_SALT_BYTES[suite]


@pytest.mark.parametrize("profile", list(sdp.Profile))
def test_the_answer_keeps_the_profile(profile: sdp.Profile) -> None:
    assert sdp.profile_of(sdp.answer(sdp.offer(profile))) == profile


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendonly", "recvonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv"), ("recvonly", "sendonly")],
)
def test_the_direction_is_mirrored(offered: str, answered: str) -> None:
    assert sdp.direction_of(sdp.answer(sdp.offer(sdp.Profile.PLAIN, direction=offered))) == answered


def test_dtls_offers_a_fingerprint_and_no_key() -> None:
    text = sdp.offer(sdp.Profile.DTLS)
    assert "a=fingerprint:sha-256 " in text
    assert "a=setup:actpass" in text
    assert "a=crypto" not in text
    assert "a=setup:active" in sdp.answer(text)


def test_savp_without_a_key_cannot_be_answered() -> None:
    with pytest.raises(ValueError, match="without a=crypto"):
        sdp.answer(sdp.offer(sdp.Profile.SDES, suites=()))

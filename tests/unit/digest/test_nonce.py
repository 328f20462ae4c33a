"""A nonce is known by its seal, for one realm, for a while."""

import pytest

from trunkward.digest.nonce import CHANCE_BYTES, NONCE_CHARACTERS, NONCE_LIFE_S, SKEW_S, NonceRefused, Nonces

NOW = 1_800_000_000.25
OURS = Nonces(key=b"k" * 32, realm="sbc.example.com")
CHANCE = bytes(range(CHANCE_BYTES))
EPOCH = 1_790_000_000_000_000
NONCE = OURS.make(NOW, CHANCE, EPOCH)


def test_it_tells_its_end() -> None:
    told = OURS.check(NONCE, NOW)
    assert told.until == pytest.approx(NOW + NONCE_LIFE_S, abs=0.001)
    assert told.epoch == EPOCH
    assert len(NONCE) == NONCE_CHARACTERS
    # it stands in quotes in a header (RFC 3261 25.1)
    assert set(NONCE) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("later", [-SKEW_S + 0.1, 0, NONCE_LIFE_S - 0.1])
def test_it_is_good_for_its_time(later: float) -> None:
    assert OURS.check(NONCE, NOW + later).until > NOW


@pytest.mark.parametrize(
    ("later", "why"), [(NONCE_LIFE_S + 0.1, "300 s old"), (-SKEW_S - 0.1, "of a time to come")]
)
def test_and_not_before_or_after(later: float, why: str) -> None:
    with pytest.raises(NonceRefused, match=why):
        OURS.check(NONCE, NOW + later)


@pytest.mark.parametrize(
    "other",
    [Nonces(key=b"K" * 32, realm=OURS.realm), Nonces(key=OURS.key, realm="sbc.example.net")],
    ids=["another key", "another realm"],
)
def test_anothers_is_refused(other: Nonces) -> None:
    with pytest.raises(NonceRefused, match="not a nonce of this node"):
        OURS.check(other.make(NOW, CHANCE, EPOCH), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        NONCE + "A",
        NONCE[:-1],
        NONCE[:-4] + "====",
        NONCE.replace("A", "+"),
        "\u00e9" * NONCE_CHARACTERS,
        "!" * NONCE_CHARACTERS,
        "\ud800" * NONCE_CHARACTERS,
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(NonceRefused):
        OURS.check(text, NOW)


def test_one_nonce_has_one_text() -> None:
    # both alphabets of base64 are decoded: the same nonce in the other one would be another in a memory of uses
    nonce = OURS.make(NOW, b"\xff" * CHANCE_BYTES, EPOCH)
    other = nonce.replace("-", "+").replace("_", "/")
    assert OURS.check(nonce, NOW).until > NOW
    assert other != nonce
    with pytest.raises(NonceRefused):
        OURS.check(other, NOW)


def test_another_epoch_is_another_nonce() -> None:
    assert OURS.make(NOW, CHANCE, EPOCH + 1) != NONCE
    # before anything is known of it
    assert OURS.check(OURS.make(NOW, CHANCE, 0), NOW).epoch == 0


def test_chance_is_not_forgotten() -> None:
    with pytest.raises(ValueError, match="0 bytes of chance"):
        OURS.make(NOW, b"", EPOCH)
    assert OURS.make(NOW, bytes(CHANCE_BYTES), EPOCH) != NONCE

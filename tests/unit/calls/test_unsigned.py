"""Every reason to go unsigned has its words."""

import pytest

from trunkward.calls.unsigned import in_words


@pytest.mark.parametrize(
    ("why", "word"),
    [
        ("none-already-signed", "as it came"),
        ("none-emergency", "call for help"),
        ("none-caller-without-number", "From"),
        ("none-caller-private", "trusted: false"),
        ("none-level-not-supplied", "Attestation-Info"),
        ("none-supplied-level-too-high", "say B"),
        ("none-supplied-level-of-other-number", "in From"),
        ("none-without-contract", "no contract with its reseller is accepted and holds"),
        ("contract-revoked", "was revoked"),
        ("contract-of-other-provider", "./trunkward apply"),
        ("certificate-test", "TEST authority"),
        ("clock-not-synchronised", "timedatectl"),
        ("clock-state-unknown", "timedatectl"),
        ("evidence-revoked", "was revoked"),
        ("evidence-revocations-unknown", "signer.log"),
        ("evidence-without-record", "in no block that was accepted"),
        ("evidence-expired", "trunkward apply"),
        ("relationship-expired", "whose trunk it is"),
        ("customer-verified-too-long-ago", "KYC record"),
        ("level-supplied-by-another", "as the switch"),
        ("name-of-another", "otherwise than was declared"),
        ("certificate-awaited", "not there yet"),
        ("certificate-spc-mismatch", "certificate could not be used"),
        ("chain-broken", "certificate"),
        ("key-unreadable", "key"),
        ("revocation-unknown", "revoked"),
        ("file-unreadable", "signer.log"),
        ("signer-timeout", "did not answer in time"),
        ("signer-silent", "wait in vain"),
        ("signer-unreachable", "could not start"),
        ("signer-lost", "ended while"),
        ("signature-stale", "did not fit"),
        ("of-tomorrow", "signer.log"),
    ],
)
def test_a_reason_in_words(why: str, word: str) -> None:
    assert word in in_words(why)

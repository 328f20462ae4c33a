"""Why an outbound call went unsigned, in words: the reasons of signer and gate by how they begin."""

#: The longer one first where two begin alike.
_WORDS: tuple[tuple[str, str], ...] = (
    ("none-already-signed", "it came signed, and goes on as it came"),
    ("none-emergency", "a call for help waits for no signature"),
    ("none-caller-without-number", "who calls has no number that could be signed: have one sent in From"),
    ("none-caller-private", "only carriers with trusted: false take it, and they are not to hear who calls"),
    (
        "none-level-not-supplied",
        "its reseller's switch says the level, and has not: have it send one Attestation-Info of A, B or C",
    ),
    (
        "none-supplied-level-too-high",
        "its reseller's switch said A for a forwarded call's number: have it say B, or keep its Identity",
    ),
    (
        "none-supplied-level-of-other-number",
        "its reseller's switch rated a number its trunk may not show: have it send one of its own in From",
    ),
    (
        "none-without-contract",
        "no contract with its reseller is accepted and holds: ./trunkward status says which, and what to do",
    ),
    ("clock-", "this machine's clock was not known to be right: look at its time service (timedatectl)"),
    ("evidence-revoked", "the evidence for this number was revoked: the next call is judged without it"),
    ("contract-revoked", "the contract with its reseller was revoked: nothing is signed for him any more"),
    ("contract-", "the contract with its reseller was not good to the signer: ./trunkward apply"),
    (
        "evidence-revocations-unknown",
        "the signer cannot read which evidence was revoked: start the node anew; signer.log says why",
    ),
    (
        "evidence-without-record",
        "this number is in no block that was accepted: ./trunkward apply, then ./trunkward status says which",
    ),
    ("evidence-", "the declaration of this number was not good to the signer: ./trunkward apply"),
    (
        "relationship-",
        "the declaration of whose trunk it is was not good to the signer: ./trunkward apply",
    ),
    ("customer-", "the KYC record of its customer did not hold for the signer: ./trunkward status says why"),
    (
        "level-supplied-by-another",
        "the signer knows another trunk as the switch that says the level: report it, with the record",
    ),
    ("name-of-another", "the gate named the caller otherwise than was declared: report it, with the record"),
    (
        "certificate-test",
        "nobody on the Internet trusts this node's TEST authority: get a certificate (identity.certificates)",
    ),
    ("certificate-awaited", "the first SHAKEN certificate is ordered and not there yet: ./trunkward certs"),
    ("certificate-", "the SHAKEN certificate could not be used: ./trunkward status, signer.log"),
    ("chain-", "the SHAKEN certificate could not be used: ./trunkward status, signer.log"),
    ("key-", "the SHAKEN key could not be used: ./trunkward status, signer.log"),
    ("revocation-", "no list said whether the SHAKEN certificate is revoked: ./trunkward status, signer.log"),
    ("file-", "a file of the signer's could not be read: ./trunkward status, signer.log"),
    (
        "rule-of-other-evidence",
        "the gate named another rule than the evidence it showed stands for: report it, with the record",
    ),
    (
        "signer-silent",
        "the signer had let a call wait in vain within the second before: ./trunkward status, signer.log",
    ),
    (
        "signer-unreachable",
        "the signer does not run, or could not start: ./trunkward certs says why, and signer.log",
    ),
    ("signer-lost", "the signer ended while it was asked: ./trunkward certs says why, and signer.log"),
    ("signer-", "the signer did not answer in time: ./trunkward status, signer.log"),
    (
        "signature-",
        "the signature that came did not fit the call: report it, with the record",
    ),
)


def in_words(why: str) -> str:
    """What a kebab-case reason means, and what to do."""
    for begin, words in _WORDS:
        if why.startswith(begin):
            return words
    return "the signer refused: look at signer.log"

"""A webhook's POST, over real HTTPS: signed as whoever receives it computes it, and to nobody else."""

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.hooks import https_server, openssl_signature
from trunkward.fetch.webhook import NotDelivered, post, read_key, signature

#: Of the specification's own examples (standard-webhooks/standard-webhooks, libraries' tests).
KNOWN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = b64decode(KNOWN.removeprefix("whsec_"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


def test_the_signature_of_the_specification() -> None:
    found = signature(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_sent_is_what_was_signed(authority: ThrowawayAuthority) -> None:
    body = json.dumps({"type": "spend.threshold", "data": {"text": "80 % of 30 €"}}).encode()
    with https_server(authority.issue("127.0.0.1")) as hooks:
        post(hooks.url, KEY, authority.trust, "msg_1", 1_800_000_000, body)
        (hook,) = hooks.received
        headers, received = hook
        assert (received, headers["content-type"]) == (body, "application/json")
        assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", "1800000000")
        assert headers["webhook-signature"] == openssl_signature(KNOWN, hook)
        # a byte more is another signature
        assert headers["webhook-signature"] != openssl_signature(KNOWN, (headers, body + b" "))


@pytest.mark.parametrize("status", [301, 400, 410, 500])
def test_any_other_answer_is_no_receipt(status: int, authority: ThrowawayAuthority) -> None:
    with https_server(authority.issue("127.0.0.1")) as hooks:
        hooks.answers = [status]
        with pytest.raises(NotDelivered, match=f"answered {status}"):
            post(hooks.url, KEY, authority.trust, "msg_1", 1, b"{}")


def test_another_certificate_or_name_is_told_nothing(authority: ThrowawayAuthority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = ThrowawayAuthority(tmp_path / "other")
    for credential, trust in (
        (authority.issue("127.0.0.1"), other.trust),
        (authority.issue("other.example.com"), authority.trust),
    ):
        with https_server(credential) as hooks:
            with pytest.raises(NotDelivered, match="certificate"):
                post(hooks.url, KEY, trust, "msg_1", 1, b"{}")
            assert hooks.received == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "https://user:secret@127.0.0.1/x"])
def test_never_in_clear(url: str, authority: ThrowawayAuthority) -> None:
    with pytest.raises(NotDelivered, match="https"):
        post(url, KEY, authority.trust, "msg_1", 1, b"{}")


def test_nobody_there(authority: ThrowawayAuthority) -> None:
    with https_server(authority.issue("127.0.0.1")) as hooks:
        gone = hooks.url
    with pytest.raises(NotDelivered, match="refused"):
        post(gone, KEY, authority.trust, "msg_1", 1, b"{}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_not base64",
        f"whsec_{b64encode(bytes(23)).decode()}",
        f"whsec_{b64encode(bytes(65)).decode()}",
    ],
)
def test_a_secret_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(NotDelivered, match="openssl rand -base64 32"):
        read_key(tmp_path / "secret")


def test_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{KNOWN}\n")
    assert read_key(tmp_path / "secret") == KEY
    with pytest.raises(NotDelivered, match="nowhere: No such file"):
        read_key(tmp_path / "nowhere")

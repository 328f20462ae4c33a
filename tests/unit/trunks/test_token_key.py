"""Keys in tokens, as RFC 7512 writes them."""

import pytest

from trunkward.trunks.token_key import TokenKey

GOOD = "pkcs11:token=My%20token;object=709J?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/pin"


def test_a_key() -> None:
    assert TokenKey.read(GOOD) == TokenKey(
        token="My token", label="709J", module="/usr/lib/softhsm/libsofthsm2.so", pin_file="/etc/pin"
    )


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "pkcs11:",
        GOOD.removeprefix("pkcs11:"),
        GOOD.replace("object=709J", "object="),
        GOOD.replace("object=709J", "id=%01"),
        GOOD.replace(";object=709J", ";object=709J;object=709J"),
        GOOD.replace("&pin-source=/etc/pin", ""),
        GOOD + "&pin-value=1234",
        GOOD.replace("/etc/pin", "etc/pin"),
        GOOD.replace("/usr/lib/softhsm/libsofthsm2.so", "libsofthsm2.so"),
        GOOD.replace("%20", "%FF"),
        GOOD.replace("709J", "x" * 500),
    ],
)
def test_what_names_no_key(uri: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 7512|codec"):
        TokenKey.read(uri)

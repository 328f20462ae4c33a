"""What is computed, against the examples of the RFCs."""

import pytest

from trunkward.digest.algorithm import Algorithm, ha1_of, response_of


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        # RFC 7616 section 3.9.1: both algorithms on one request
        (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm.SHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm: Algorithm, response: str) -> None:
    ha1 = ha1_of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    assert len(ha1) == len(response) == algorithm.digits
    computed = response_of(
        *(algorithm, ha1),
        method="GET",
        uri="/dir/index.html",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert computed == response


def test_the_example_of_rfc_2617() -> None:
    # section 3.5
    ha1 = ha1_of(Algorithm.MD5, "Mufasa", "testrealm@host.com", "Circle Of Life")
    computed = response_of(
        *(Algorithm.MD5, ha1),
        method="GET",
        uri="/dir/index.html",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        nc="00000001",
        cnonce="0a4f113b",
    )
    assert computed == "6629fae49393a05397450978507c4ef1"

"""Property 17, the rules for URLs: every published form is accepted, every way round them refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.causes import Cause, Refused
from trunkward.shaken.x5u import UrlRules, read_url

#: The forms of 17,839 URLs seen in the field (martinisecurity/shaken-pki-reports, shaken-urls.txt), of which 17,797 pass;
#: hosts are those of documentation.
PUBLISHED = [
    "https://certificates.example.com/709J/3f2a77c0.pem",
    "https://certificates.example.com/709J/certs/2024_709J_1.crt",
    "https://certificates.example.com:8443/709J/1.pem",
    "https://certificates.example.com:443/709J/1.pem",
    "https://sti-cr.example.com/api/download/v2/certificates/1234.5678.cer",
    "https://cr-1-3-east.sti.example.net/shaken/certs/a_b_2024_1.pem",
    "https://p.example.com/2e5a/8dJ_x-Q.pem",
    "https://p.example.com/709/a1B2c3.pem",
    "https://s3.us-east-1.example.com/bucket.name/shaken%20cert.pem",
    "https://example-com.example.org/shaken/~user/cert.cer",
    "https://Certificates.Example.COM/709J.CRT",
    "https://cert.example.com/sti/709j/709j.crt",
    "https://cert.example.com",
    "https://cert.example.com/",
    "https://1and1.example.com/cert@2024,1;v=2.pem",
    "https://xn--bcher-kva.example/c.pem",
    "https://cert.example.com/" + "a" * 231,
]

REFUSED = {
    "": "not https",
    "cert.example.com/1.pem": "not https",
    "http://cert.example.com/1.pem": "not https",
    "HTTPS://cert.example.com/1.pem": "not https",
    "https:/cert.example.com/1.pem": "not https",
    "https:cert.example.com/1.pem": "not https",
    "ftp://cert.example.com/1.pem": "not https",
    "file:///etc/passwd": "not https",
    "javascript:alert(1)": "not https",
    " https://cert.example.com/1.pem": "not https",
    "https://user@cert.example.com/1.pem": "user information",
    "https://user:pass@cert.example.com/1.pem": "user information",
    "https://user:pass@host.example.com/x?q#f": "user information",
    "https://cert.example.com@192.0.2.1/1.pem": "user information",
    "https://cert.example.com:443@evil.example.com/1.pem": "user information",
    "https://cert.example.com/1.pem?x=1": "a query",
    "https://cert.example.com?x=1": "a query",
    "https://cert.example.com/?": "a query",
    "https://cert.example.com/1.pem#x": "a fragment",
    "https://cert.example.com#@192.0.2.1/": "user information",
    "https://cert.example.com/1.pem#": "a fragment",
    "https://cert.example.com:5000/1.pem": "port",
    "https://cert.example.com:80/1.pem": "port",
    "https://cert.example.com:/1.pem": "port",
    "https://cert.example.com:0443/1.pem": "port",
    "https://cert.example.com:443443/1.pem": "port",
    "https://cert.example.com:+443/1.pem": "port",
    "https://cert.example.com:４４３/1.pem": "port",
    "https://cert.example.com:443:443/1.pem": "port",
    "https://192.0.2.1/1.pem": "address",
    "https://127.0.0.1/1.pem": "address",
    "https://127.1/1.pem": "address",
    "https://2130706433/1.pem": "address",
    "https://0x7f000001/1.pem": "address",
    "https://0x7f.0.0.1/1.pem": "address",
    "https://0177.0.0.1/1.pem": "address",
    "https://127.0.0.0x1/1.pem": "address",
    "https://0/1.pem": "address",
    "https://[::1]/1.pem": "port",
    "https://[::ffff:127.0.0.1]/1.pem": "port",
    "https://[::ffff:7f00:1]:443/1.pem": "port",
    "https://localhost/1.pem": "no name",
    "https://LOCALHOST/1.pem": "no name",
    "https://localhost.localdomain/1.pem": "no name",
    "https://x.localhost/1.pem": "no name",
    "https://metadata.google.internal/1.pem": "no name",
    "https://printer.local/1.pem": "no name",
    "https://router.home.arpa/1.pem": "no name",
    "https://x.invalid/1.pem": "no name",
    "https://x.test/1.pem": "no name",
    "https://x.onion/1.pem": "no name",
    "https://certificates/example.com/1.pem": "no name",
    "https://cert.example.com./1.pem": "no name",
    "https://localhost./1.pem": "no name",
    "https://127.0.0.1./1.pem": "no name",
    "https://.example.com/1.pem": "no name",
    "https://cert..example.com/1.pem": "no name",
    "https://-cert.example.com/1.pem": "no name",
    "https://cert_1.example.com/1.pem": "no name",
    "https://cert%2eexample.com/1.pem": "no name",
    "https://bücher.example/1.pem": "no name",
    "https://cert．example．com/1.pem": "no name",
    "https://１２７.0.0.1/1.pem": "address",
    "https://cert。example.com/1.pem": "no name",
    "https://ⓔxample.com/1.pem": "no name",
    "https:///1.pem": "no name",
    "https://\\cert.example.com/1.pem": "no name",
    "https://cert.example.com\\@192.0.2.1/1.pem": "user information",
    "https://cert.example.com\t/1.pem": "no name",
    "https://cert.example.com\x00.example.org/1.pem": "no name",
    "https://" + "a" * 64 + ".example.com/1.pem": "no name",
    'https://cert.example.com/"1.pem': "path",
    "https://cert.example.com/1.pem>;alg=none": "path",
    "https://cert.example.com/1.pem\r\nX: y": "path",
    "https://cert.example.com/1.pem\n": "path",
    "https://cert.example.com/1 2.pem": "path",
    "https://cert.example.com/é.pem": "path",
    "https://cert.example.com/%": "path",
    "https://cert.example.com/%0": "path",
    "https://cert.example.com/%zz.pem": "path",
    "https://cert.example.com/\\..\\1.pem": "path",
    "https://cert.example.com/<1>.pem": "path",
    "https://cert.example.com/" + "a" * 232: "longer",
}


@pytest.mark.parametrize("url", PUBLISHED)
def test_published_form_is_accepted(url: str) -> None:
    found = read_url(url)
    assert found.text == url
    assert found.port in (443, 8443)
    assert found.host == found.host.lower()
    assert found.path.startswith("/")


@pytest.mark.parametrize(("url", "why"), REFUSED.items())
def test_every_way_round_the_rules_is_refused(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        read_url(url)
    assert refused.value.cause is Cause.URL_REFUSED


def test_parts() -> None:
    found = read_url("https://Cert.Example.com:8443/a/b.pem")
    assert (found.host, found.port, found.path) == ("cert.example.com", 8443, "/a/b.pem")


def test_a_lab_has_other_rules() -> None:
    lab = UrlRules(ports=frozenset({5000}), addresses=True, local_names=True)
    for url in ("https://127.0.0.1:5000/1.pem", "https://localhost:5000/1.pem", "https://ca.test:5000/1.pem"):
        assert read_url(url, lab).text == url
    for url in (
        "https://127.0.0.1/1.pem",
        "https://127.1:5000/1.pem",
        "https://2130706433:5000/1.pem",
        "https://256.0.0.1:5000/",
    ):
        with pytest.raises(Refused):
            read_url(url, lab)


@given(st.text(max_size=60) | st.from_regex(r"https://[^/]{0,30}/.{0,30}"))
def test_what_is_accepted_is_only_what_it_seems(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        found = read_url(url)
    except Refused:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname, parts.port or 443) == ("https", found.host, found.port)
    assert (parts.query, parts.fragment, parts.username, parts.password) == ("", "", None, None)

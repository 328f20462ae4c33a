"""Files that the configuration names, looked at before anything is issued or decided on."""

from datetime import datetime
from pathlib import Path

from trunkward.control.shown_certificate import CertificateRefused, Use
from trunkward.engines.certificates import why_no_authority
from trunkward.engines.identity_files import IdentityRefused, check_identities
from trunkward.engines.named_files import MAC_KEY
from trunkward.engines.shown_pair import places, read_pair
from trunkward.engines.users import may
from trunkward.engines.valkey import shared_secrets
from trunkward.settings import Paths
from trunkward.trunks.model import AcmeSettings, Declared, SharedLive


class NotPrepared(Exception):
    """Something the configuration names cannot be used; the message says what."""


def check_files(paths: Paths, declared: Declared, now: datetime) -> None:
    """Certificates a person keeps are looked at before anything is changed. Raises `NotPrepared`."""
    if isinstance(declared.node.certificate, AcmeSettings):
        _check_acme(declared.node.certificate)
    if declared.node.live is not None:
        _check_live(declared.node.live)
    if (file := declared.node.verification.ca_file) and (why := why_no_authority(Path(file))):
        raise NotPrepared(f"node.verification.ca: {why}")
    try:
        check_identities(declared, paths)
    except IdentityRefused as refused:
        raise NotPrepared(str(refused)) from None
    for place in places(declared, paths):
        if place.from_acme:
            continue
        where = (
            f"carrier {place.name.removeprefix('client-')}" if place.use is Use.CLIENT else "node.certificate"
        )
        try:
            read_pair(place, now)
        except CertificateRefused as refused:
            at = "" if refused.reason == "unreadable" else f"{place.chain}: "
            raise NotPrepared(f"{where}: {at}{refused}") from None
        for file in (place.chain, place.key):
            if not may("tw-edge", "-r", file):
                raise NotPrepared(
                    f"{where}: {file}: tw-edge cannot read it, who looks for changes while the node runs: "
                    f"chgrp tw-edge {file}; chmod 640 {file}, and chmod o+x on the directories above"
                )


def _check_acme(acme: AcmeSettings) -> None:
    if acme.ca_file:
        text_of(acme.ca_file)
    if acme.external_key_file and not MAC_KEY.fullmatch(text_of(acme.external_key_file).strip()):
        raise NotPrepared(
            f"node.certificate.acme.external_account: {acme.external_key_file}: not a key in base64url, "
            "as the authority gives it"
        )


def text_of(file: str) -> str:
    """A file of `node.certificate.acme`. Raises `NotPrepared`."""
    try:
        return Path(file).read_text(encoding="ascii")
    except OSError as problem:
        raise NotPrepared(f"node.certificate.acme: {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise NotPrepared(f"node.certificate.acme: {file}: is no text") from None


def _check_live(shared: SharedLive) -> None:
    try:
        shared_secrets(shared)
    except OSError as problem:
        raise NotPrepared(f"node.live.secrets: {problem.filename}: {problem.strerror}") from None
    if shared.ca_file and (why := why_no_authority(Path(shared.ca_file))):
        raise NotPrepared(f"node.live.ca: {why}")

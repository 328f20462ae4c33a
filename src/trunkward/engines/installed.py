"""Which installation of this program a node runs from, and the one it ran from before.

Versions stand beside each other, each in a directory of its own that is never changed once it is whole.
Which one is in force is written in the node's run directory; where they stand in a directory `versions`, a
link `current` beside that names it too, for whatever starts the node next.
"""

import hashlib
import os
import sys
from pathlib import Path

import msgspec

from trunkward import __version__
from trunkward.engines.kamailio import EdgeFiles
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths

#: Directories of the package that run inside Kamailio.
_EDGE = ("edge", "media")


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """One version on this machine."""

    version: str
    #: Its virtual environment.
    prefix: str

    @property
    def python(self) -> str:
        """Its interpreter."""
        return f"{self.prefix}/bin/python"


class InUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a node runs from."""

    now: Installation
    before: Installation | None = None
    #: Fingerprint of what its Kamailio was started with.
    edge: str = ""
    #: The version that parts are being moved to, until all are.
    moving_to: str = ""


class OtherVersion(Exception):
    """The node runs from another version than this process; the message says what to do."""


def this_installation() -> Installation:
    """The one this process runs from."""
    return Installation(version=__version__, prefix=str(Path(sys.prefix).resolve()))


def in_use(paths: Paths) -> InUse | None:
    """What the node runs from; None when that is written nowhere."""
    try:
        return msgspec.json.decode(_file(paths).read_bytes(), type=InUse)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def put_in_use(paths: Paths, used: InUse) -> None:
    """Writes down what the node runs from; `current` and `previous` follow."""
    _write(paths, used)
    if used.moving_to:
        return
    _name(used.now, used.before)


def check_runs_this(paths: Paths) -> None:
    """Whether a running node is all of this version: no other may change it. Raises `OtherVersion`.

    Another renders the engines' files and the supervisor's with its own paths, and knows other settings: that
    would be an upgrade, without the order, the checks and the way back of one.
    """
    used, here = in_use(paths), this_installation()
    if used is None:
        raise OtherVersion(
            f"{_file(paths)} cannot be read, which says what version runs: stop and start the node"
        )
    if used.moving_to:
        raise OtherVersion(
            f"an upgrade to {used.moving_to} was broken off half way: ./trunkward upgrade ends it, and must "
            "come first"
        )
    if used.now.prefix != here.prefix:
        raise OtherVersion(
            f"the node runs version {used.now.version} ({used.now.prefix}), and this is {here.version} "
            f"({here.prefix}): {used.now.prefix}/bin/trunkward does it at once; for this version ./trunkward "
            "upgrade must come first"
        )


def edge_followed(paths: Paths) -> None:
    """Notes that Kamailio has taken its files as they are now: no upgrade starts it anew for them."""
    used = in_use(paths)
    if used is not None:
        _write(paths, msgspec.structs.replace(used, edge=edge_fingerprint(paths)))


def started(paths: Paths) -> None:
    """Notes that a node has been started from this installation; the one before is remembered.

    Raises `OSError`: where versions stand may be read-only.
    """
    here = this_installation()
    put_in_use(paths, InUse(now=here, before=_before(here), edge=edge_fingerprint(paths)))


def to_be_started() -> None:
    """Has `current` lead to this installation, for a node that is not up: the next start is from here.

    Raises `OSError`.
    """
    here = this_installation()
    _name(here, _before(here))


def _before(here: Installation) -> Installation | None:
    """The one that was in use before this one, by the links."""
    current = Path(here.prefix).parent.parent / "current"
    if Path(here.prefix).parent.name == "versions":
        if current.is_symlink() and current.resolve() != Path(here.prefix):
            return Installation(version=current.resolve().name, prefix=str(current.resolve()))
        if (link := current.with_name("previous")).is_symlink() and link.resolve().is_dir():
            return Installation(version=link.resolve().name, prefix=str(link.resolve()))
    return None


def _name(now: Installation, before: Installation | None) -> None:
    """`current` and `previous`, where versions stand beside each other."""
    versions = Path(now.prefix).parent
    if versions.name == "versions":
        _link(versions.parent / "current", Path(now.prefix))
        if before is not None and Path(before.prefix).parent == versions:
            _link(versions.parent / "previous", Path(before.prefix))


def edge_fingerprint(paths: Paths) -> str:
    """Of all that Kamailio is started with: its files as rendered, and the code that runs inside it.

    The directory of the code is left out, which changes with each version though the code may not.
    """
    package, files, digest = Path(__file__).parents[1], EdgeFiles.under(paths), hashlib.sha256()
    edge = files.tls_cfg.parent
    authorities = [*sorted(edge.glob("ca-*.pem")), edge / "peers-ca.pem"]
    for text in (
        files.kamailio_cfg.read_bytes(),
        files.tls_cfg.read_bytes(),
        _without_departed(files.edge_json.read_bytes()),
        *(file.read_bytes() for file in authorities),
    ):
        digest.update(text.replace(str(package).encode(), b"") + b"\0")
    for room in _EDGE:
        for source in sorted((package / room).rglob("*.py")):
            digest.update(f"{source.relative_to(package)}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _without_departed(edge_json: bytes) -> bytes:
    """The edge's settings without peers of before, who leave with time, whoever renders them."""
    told = msgspec.json.decode(edge_json, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({k: v for k, v in told.items() if k not in ("departed", "plain_networks")})


def _write(paths: Paths, used: InUse) -> None:
    text = msgspec.json.format(msgspec.json.encode(used)).decode()
    write_private(_file(paths), text, "root", "root", 0o644)


def _file(paths: Paths) -> Path:
    return paths.run / "version.json"


def _link(link: Path, target: Path) -> None:
    """Names a target, at once for whoever looks.

    One that does already is left alone: in the systemd unit this is read-only.
    """
    if link.is_symlink() and link.resolve() == target.resolve():
        return
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target.relative_to(link.parent))
    os.replace(part, link)

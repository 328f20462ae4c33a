"""The process `web`: `python -m trunkward.api`."""

import argparse
from pathlib import Path

import uvicorn

from trunkward.api.app import create_app
from trunkward.api.look import Look
from trunkward.settings import WEB_PORT, Paths

#: Seconds answers under way get when the node stops.
_STOPS_WITHIN_S = 2


def main() -> None:
    """Runs until SIGTERM."""
    look = Look(_arguments())
    uvicorn.run(
        create_app(look),
        host="127.0.0.1",
        port=WEB_PORT,
        access_log=False,
        log_level="warning",
        server_header=False,
        # nobody stands between: what a client says of itself in headers counts for nothing
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_STOPS_WITHIN_S,
        # a bound on what one look can be made to wait for
        limit_concurrency=64,
        ws="none",
    )


def _arguments() -> Paths:
    parser = argparse.ArgumentParser(prog="trunkward.api")
    parser.add_argument("--live", default="")
    for name in ("config", "state", "run", "log"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return Paths(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()

"""The test authorities as servers: three HTTPS ports in one process."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trunkward.stiauthority import acme, policy
from trunkward.stiauthority.home import Home
from trunkward.stiauthority.orders import CertificationAuthority
from trunkward.stiauthority.policy import Account, PolicyAdministrator

#: Seconds until all of them answer.
_STARTS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where they listen, and under which name the web server is found there."""

    address: str = "127.0.0.1"
    #: Of the web server: no verifier takes an address for one.
    host: str = "cert.example.com"
    administrator_port: int = 8444
    authority_port: int = 8445
    #: A web server for chains; ATIS-1000074 wants 443 or 8443.
    published_port: int = 8443

    def url(self, port: int) -> str:
        """Of one of the servers, without a path."""
        return f"https://{self.host if port == self.published_port else self.address}:{port}"


@dataclass(kw_only=True)
class StiAuthority:
    """Policy administrator, certification authority, and a web server for what is published."""

    home: Home
    where: Where
    administrator: PolicyAdministrator
    authority: CertificationAuthority
    #: What is published is read here; None: nothing is served.
    published: Path | None = None
    #: Whether the web server keeps a file back, by its name: one that is not copied to it yet.
    keeps_back: Callable[[str], bool] = lambda _name: False
    #: Names it was asked for.
    asked: list[str] = field(default_factory=list)
    _servers: list[uvicorn.Server] = field(default_factory=list)
    _thread: threading.Thread | None = None

    @classmethod
    def at(
        cls,
        directory: Path,
        *,
        accounts: dict[str, Account],
        where: Where | None = None,
        published: Path | None = None,
    ) -> Self:
        """With the keys in `directory`, made where there are none."""
        where = where or Where()
        url = where.url(where.administrator_port)
        home = Home.at(directory, hosts=(where.host, where.address), revocations_url=url + policy.REVOCATIONS)
        administrator = PolicyAdministrator(home=home, url=url, accounts=accounts)
        return cls(
            home=home,
            where=where,
            administrator=administrator,
            authority=CertificationAuthority(home=home, revocations_url=administrator.revocations_url),
            published=published,
        )

    @property
    def directory_url(self) -> str:
        """The certification authority's ACME directory."""
        return f"{self.where.url(self.where.authority_port)}/acme/directory"

    @property
    def published_url(self) -> str:
        """Where chains are found, with the slash at its end."""
        return f"{self.where.url(self.where.published_port)}/"

    def start(self) -> None:
        """In a thread; returns when all of them answer."""
        self._servers = self._made()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        until = time.monotonic() + _STARTS_WITHIN_S
        while not all(server.started for server in self._servers):
            if not self._thread.is_alive() or time.monotonic() > until:
                raise OSError(f"the test authority cannot listen at {self.where}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends them."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """In the foreground, until SIGINT or SIGTERM."""
        self._servers = self._made()
        with suppress(KeyboardInterrupt):  # each server passes on to the one before what ended it
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        first, *others = self._servers
        running = [asyncio.create_task(server.serve()) for server in self._servers]
        # the signal reaches one of them
        await running[0]
        for server in others:
            server.should_exit = True
        assert first.should_exit
        await asyncio.gather(*running[1:])

    def _made(self) -> list[uvicorn.Server]:
        url = self.where.url(self.where.authority_port)
        applications = [
            (policy.application(self.administrator), self.where.administrator_port),
            (acme.application(self.authority, url, self.administrator.url), self.where.authority_port),
        ]
        if self.published is not None:
            applications.append((self._web(self.published), self.where.published_port))
        return [self._server(application, port) for application, port in applications]

    def _server(self, application: Starlette, port: int) -> uvicorn.Server:
        return uvicorn.Server(
            uvicorn.Config(
                application,
                host=self.where.address,
                port=port,
                ssl_certfile=self.home.https,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )

    def _web(self, published: Path) -> Starlette:
        def chain(request: Request) -> Response:
            name = request.path_params["name"]
            self.asked.append(name)
            file = published / name
            if self.keeps_back(name) or not name.endswith(".pem") or not file.is_file():
                return Response(status_code=404)
            return Response(
                file.read_bytes(),
                # RFC 8555 section 9.1
                media_type="application/pem-certificate-chain",
                headers={"Cache-Control": "max-age=86400, immutable"},
            )

        return Starlette(routes=[Route("/{name}", chain)])


def accounts_of(codes: Sequence[str], *, user: str, password: str) -> dict[str, Account]:
    """An account for each service provider code, named by it."""
    return {code: Account(user=f"{user}-{code}", password=password, codes=(code,)) for code in codes}

"""The doors of `web`: three questions, no more.

`/healthz` asks whether this process lives, `/readyz` whether the node can take calls, and `/metrics` is the
one place Prometheus scrapes.
"""

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trunkward import __version__
from trunkward.api.look import Look
from trunkward.api.metrics import exposition
from trunkward.control.health_document import as_document


def create_app(look: Look) -> Starlette:
    """The application; it shows nothing about itself."""

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"alive": True, "version": __version__, "since": look.started})

    async def readyz(_request: Request) -> JSONResponse:
        found = (await look.now()).health
        return JSONResponse(as_document(found, names=False), status_code=200 if found.ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(exposition(await look.now()), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    app = Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])
    app.router.redirect_slashes = False
    return app

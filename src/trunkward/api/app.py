"""The doors of `web`: three questions, no more.

`/healthz` asks whether this process lives, `/readyz` whether the node can take calls, and `/metrics` is the
one place Prometheus scrapes.
"""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from trunkward import __version__
from trunkward.api.look import Look
from trunkward.api.metrics import exposition
from trunkward.control.health_document import as_document


def create_app(look: Look) -> FastAPI:
    """The application; it shows nothing about itself."""
    app = FastAPI(title="Trunkward", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"alive": True, "version": __version__, "since": look.started})

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        found = (await look.now()).health
        return JSONResponse(as_document(found, names=False), status_code=200 if found.ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(await look.now()), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return app

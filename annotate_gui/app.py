"""The web application: routes, files of the page, errors, and who may come in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from annotate_gui.api import make_router, sentence
from annotate_gui.desk import ChangedMeanwhileError, Desk, UnknownModelError
from annotate_gui.scout import Scout
from annotate_gui.security import Guard
from annotate_gui.studio import Studio
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile
from mmdgen.errors import MmdgenError
from mmdgen.render import RenderSettings

STATIC = Path(__file__).parent / "static"


def create_app(
    files: Sequence[ModelFile],
    annotations: Path,
    *,
    user: str = "",
    token: str = "",
    workers: int | None = None,
    settings: RenderSettings | None = None,
) -> FastAPI:
    """The application for some models and a folder of annotations. Its lifespan starts and ends the work.

    Args:
        files: the models.
        annotations: folder of annotations; what people did is journaled in a hidden folder of it.
        user: the name that the page offers an annotator.
        token: what a browser must bring; "" = requests must name this machine instead.
        workers: processes that annotate in the background; None = one per core.
        settings: how to reach OpenGL.
    """
    store = AnnotationStore(annotations)
    desk = Desk(store)
    scout = Scout(desk, store, files, workers)
    studio = Studio(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        scout.start()
        yield
        scout.stop()
        studio.close()
        desk.close()

    app = FastAPI(title="annotate-gui", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.scout = scout
    app.include_router(make_router(desk, studio, scout, user))

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", _FreshFiles(directory=STATIC))
    _answer_errors(app, desk)
    app.add_middleware(Guard, token=token)
    return app


class _FreshFiles(StaticFiles):
    """The page's files; a browser asks each time whether they changed."""

    def file_response(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _answer_errors(app: FastAPI, desk: Desk) -> None:
    """Every error is JSON with one sentence."""

    @app.exception_handler(ChangedMeanwhileError)
    def changed(request: Request, error: ChangedMeanwhileError) -> JSONResponse:
        told = desk.document(error.model_id)
        return JSONResponse({"error": str(error), "by": error.by, "document": told}, 409)

    @app.exception_handler(UnknownModelError)
    def unknown(request: Request, error: UnknownModelError) -> JSONResponse:
        return JSONResponse({"error": sentence(error)}, 404)

    @app.exception_handler(MmdgenError)
    def refused(request: Request, error: MmdgenError) -> JSONResponse:
        return JSONResponse({"error": sentence(error)}, 422)

    @app.exception_handler(OSError)
    def failed(request: Request, error: OSError) -> JSONResponse:
        return JSONResponse({"error": sentence(error)}, 500)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{place}: {first['msg']}"}, 422)

"""What a browser may ask for. Models are known by their ids; a browser never names a file."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import CancelledError
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi import Path as PathPart
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from annotate_gui.actions import Kind
from annotate_gui.desk import Desk, Wish
from annotate_gui.previews import Made, Order, Show
from annotate_gui.queue import Filter
from annotate_gui.scout import Scout
from annotate_gui.studio import Studio, Ticket
from mmdgen.annotate.json_form import annotation_to_text
from mmdgen.annotate.schema import Annotation, Half, Role
from mmdgen.errors import MmdgenError
from mmdgen.pose import THA1

_ID = r"^[0-9a-f]{16}$"
_WORD = r"^[\w.-]{1,64}$"
_NUMBER = r"-?\d{1,3}(\.\d{1,6})?"
_POSE = rf"^({_NUMBER},){{5}}{_NUMBER}$"
_MOST_ANCHORS = 2000
_LOOK_AGAIN_S = 0.05
_CLOSED = 499  # nobody reads the answer: the browser went away

ModelId = Annotated[str, PathPart(pattern=_ID)]
Session = Annotated[str, Query(pattern=_WORD)]
Urgency = Annotated[int, Query(ge=0, le=9)]


class Body(BaseModel):
    """A JSON body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    session: str = Field(pattern=_WORD)
    by: str = Field(default="", max_length=80)


class FilterBody(BaseModel):
    """Which models a person wants to see."""

    model_config = ConfigDict(extra="forbid")

    source: str = ""
    state: str = ""
    reason: str = ""
    text: str = Field(default="", max_length=200)

    def to_filter(self) -> Filter:
        """For the queue."""
        return Filter(self.source, self.state, self.reason, self.text)


class ClaimBody(Body):
    """A tab asks for its next models."""

    keep: list[Annotated[str, Field(pattern=_ID)]] = Field(default=[], max_length=50)
    seen: list[Annotated[str, Field(pattern=_ID)]] = Field(default=[], max_length=100_000)
    count: int = Field(default=4, ge=0, le=12)
    filter: FilterBody = FilterBody()


class ActionBody(Body):
    """A person did something to a model."""

    id: str = Field(pattern=_WORD)
    model_id: str = Field(pattern=_ID)
    revision: int = Field(ge=0)
    kind: Kind
    bottom: FiniteFloat | None = None
    top: FiniteFloat | None = None
    role: Role | None = None
    morph: int | None = None
    half: Half | None = None
    reason: str = Field(default="", max_length=500)
    seconds: float = Field(default=0.0, ge=0.0, le=86_400.0)

    def to_wish(self) -> Wish:
        """For the desk."""
        return Wish(**self.model_dump())


class UndoBody(Body):
    """A person takes back an action."""

    id: str = Field(pattern=_WORD)
    model_id: str = Field(pattern=_ID)
    undone: str = Field(pattern=_WORD)


def make_router(desk: Desk, studio: Studio, scout: Scout, user: str) -> APIRouter:
    """The routes below /api."""
    router = APIRouter(prefix="/api")
    anchors: OrderedDict[str, Annotation] = OrderedDict()

    def anchor(model_id: str) -> Annotation:
        """The annotation that the page's pictures were framed by: edits must not move the camera."""
        if model_id not in anchors:
            anchors.setdefault(model_id, desk.annotation(model_id))
            if len(anchors) > _MOST_ANCHORS:
                anchors.popitem(last=False)
        return anchors[model_id]

    async def view(show: Show, model_id: str, wide: bool, every: bool) -> Order:
        annotation = await asyncio.to_thread(anchor, model_id)
        return Order(show, model_id, desk.path(model_id), annotation, wide=wide, every=every)

    @router.get("/hello")
    def hello(session: Session) -> dict[str, Any]:
        """What the page must know at the start."""
        return {
            "user": user,
            "parameters": [
                {"name": known.name, "low": known.low, "high": known.high, "rest": known.rest}
                for known in THA1.parameters
            ],
            "history": desk.history(session),
        }

    @router.post("/claim")
    def claim(body: ClaimBody) -> dict[str, Any]:
        """The tab's next models, reserved for it, and how far the work is."""
        line = desk.claim(
            body.session,
            body.by,
            keep=body.keep,
            count=body.count,
            wanted=body.filter.to_filter(),
            seen=body.seen,
        )
        return {"line": line, "progress": progress(body.session)}

    @router.post("/release")
    def release(session: Session) -> None:
        """The tab was closed."""
        desk.release(session)

    @router.get("/progress")
    def progress(session: Session) -> dict[str, Any]:
        """How far the work is."""
        return {
            **desk.progress(session),
            "looked_at": scout.done,
            "found": scout.total,
            "problem": scout.problem,
        }

    @router.get("/queue")
    def listing(
        session: Session,
        source: str = "",
        state: str = "",
        reason: str = "",
        text: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> dict[str, Any]:
        """The queue as a person reads it."""
        return desk.listing(Filter(source, state, reason, text), session, limit)

    @router.post("/actions")
    def act(body: ActionBody) -> dict[str, Any]:
        """Do something to a model, once for each id."""
        return desk.act(body.to_wish())

    @router.post("/undo")
    def undo(body: UndoBody) -> dict[str, Any]:
        """Take back an action, once for each id."""
        return desk.undo(body.id, body.session, body.by, body.model_id, body.undone)

    @router.get("/models/{model_id}/document")
    def document(model_id: ModelId, session: Session) -> dict[str, Any]:
        """What is said of a model."""
        return desk.document(model_id, session)

    @router.get("/models/{model_id}")
    async def model(
        model_id: ModelId,
        request: Request,
        session: Session,
        wide: bool = False,
        every: bool = False,
        urgency: Urgency = 5,
    ) -> dict[str, Any]:
        """All about a model but its pictures."""
        order = await view(Show.FACTS, model_id, wide, every)
        version = _version(order)
        facts = await made(request, studio.order(order, (version, order.show), urgency))
        told = await asyncio.to_thread(desk.document, model_id, session)
        return {"model_id": model_id, "version": version, "facts": facts, "document": told}

    @router.get("/models/{model_id}/frame.webp")
    async def frame(
        model_id: ModelId,
        request: Request,
        revision: int,
        pose: Annotated[str, Query(pattern=_POSE)],
        urgency: Urgency = 5,
    ) -> Response:
        """The picture of a data set under a pose, as the stored annotation frames it."""
        values = tuple(
            min(max(float(value), known.low), known.high)
            for value, known in zip(pose.split(","), THA1.parameters, strict=True)
        )
        annotation = await asyncio.to_thread(desk.annotation, model_id)
        order = Order(Show.FRAME, model_id, desk.path(model_id), annotation, pose=values)
        key = (model_id, annotation.head, annotation.eyes, str(annotation.roles), order.show, values)
        return _picture(await made(request, studio.order(order, key, urgency)))

    @router.get("/models/{model_id}/{show}.webp")
    async def picture(
        model_id: ModelId,
        show: Show,
        request: Request,
        v: str,
        wide: bool = False,
        every: bool = False,
        urgency: Urgency = 5,
    ) -> Response:
        """A view of a model, or a column of small pictures; `v` is the version that came with the facts."""
        order = await view(show, model_id, wide, every)
        version = _version(order)
        if v != version or show in (Show.FACTS, Show.FRAME):
            raise HTTPException(409, "the pictures are drawn anew; load the model again")
        return _picture(await made(request, studio.order(order, (version, show), urgency)))

    return router


async def made(request: Request, ticket: Ticket) -> Made:
    """What was ordered, unless the browser goes away before it is there."""
    future = asyncio.wrap_future(ticket.future)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # read, if nobody waits
    try:
        while not future.done():
            await asyncio.wait({future}, timeout=_LOOK_AGAIN_S)
            if not future.done() and await request.is_disconnected():
                raise HTTPException(_CLOSED, "nobody waits for this any more")
        return future.result()
    except (CancelledError, asyncio.CancelledError) as error:
        raise HTTPException(503, "annotate-gui ends") from error
    finally:
        ticket.cancel()


def sentence(error: Exception) -> str:
    """An error for a person."""
    if isinstance(error, OSError) and not isinstance(error, MmdgenError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{(error.strerror or str(error)).lower()}"
    return str(error)


def _picture(data: Made) -> Response:
    assert isinstance(data, bytes)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})


def _version(order: Order) -> str:
    """Changes with everything that decides a model's views."""
    text = f"{order.model_id} {order.wide} {order.every} {annotation_to_text(order.annotation)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]

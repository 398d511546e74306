"""The paths of a server: the Open Inference Protocol, plain answers, metrics and a page to try a model.

Every error is ``{"error": "…"}``, a sentence.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from s2s_core.errors import closest, listing, one_line
from s2s_core.serving import inference
from s2s_core.serving.fields import field, parsed
from s2s_core.serving.limits import Limits
from s2s_core.serving.metrics import TYPE, Metrics
from s2s_core.serving.models import Models, ServedModel
from s2s_core.serving.page import page
from s2s_core.serving.query import Query, read_query
from s2s_core.serving.request_error import RequestError
from s2s_core.version import __version__

Endpoint = Callable[[Request], Awaitable[Response]]


class Application:
    """Answers the requests of a server.

    Args:
        models: The models.
        limits: The limits.
        metrics: The metrics.
    """

    def __init__(self, models: Models, limits: Limits, metrics: Metrics) -> None:
        self._models, self._limits, self._metrics = models, limits, metrics

    def asgi(self) -> Starlette:
        """Returns it as what a server of ASGI runs."""
        routes = [
            Route("/", self._page),
            Route("/metrics", self._tell_metrics),
            Route("/answer", self._measured("answer", self._answer), methods=["POST"]),
            Route("/v2", self._server),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
        ]
        infer = self._measured("infer", self._infer)
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(path, self._model),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/infer", infer, methods=["POST"]),
            ]
        handlers: dict[Any, Any] = {
            RequestError: _refused,
            HTTPException: _no_path,
            ClientDisconnect: _gone,
            Exception: _bug,
        }
        application = Starlette(routes=routes, exception_handlers=handlers)
        application.router.redirect_slashes = False  # it redirects to whatever host a request names
        return application

    def _measured(self, name: str, endpoint: Endpoint) -> Endpoint:
        """Limits how long an endpoint may take, and measures it under a name."""

        async def respond(request: Request) -> Response:
            began = time.perf_counter()
            status = 500
            try:
                async with asyncio.timeout(self._limits.timeout):
                    response = await endpoint(request)
                status = response.status_code
            except TimeoutError as error:
                status = 504
                raise RequestError(f"there was no answer within {self._limits.timeout:g} s", 504) from error
            except RequestError as error:
                status = error.status
                raise
            finally:
                self._metrics.requests.add(name, str(status))
                self._metrics.seconds.add(time.perf_counter() - began, name)
            return response

        return respond

    async def _answer(self, request: Request) -> Response:
        fields = parsed(await self._body(request))
        name = field(fields, "model", str, None)
        model = self._models.only() if name is None else self._models[name]
        answers = await model.answers(_plain_query(fields, model.inputs, self._limits))
        told = {name: [getattr(answer, name) for answer in answers] for name in model.outputs}
        return JSONResponse({"model": model.name, "answers": [answer.hypotheses[0] for answer in answers], **told})

    async def _infer(self, request: Request) -> Response:
        body = await self._body(request)
        model = self._found(request)
        asked = inference.read_request(body, request.headers.get(inference.HEADER))
        answers = await model.answers(asked.query(model.inputs, model.outputs, self._limits))
        content, length = inference.response(asked, model.name, answers)
        if length is None:
            return Response(content, media_type="application/json")
        return Response(content, media_type="application/octet-stream", headers={inference.HEADER: str(length)})

    async def _server(self, _: Request) -> Response:
        return JSONResponse({"name": "s2s", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def _live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _: Request) -> Response:
        return JSONResponse({"ready": True})

    async def _model(self, request: Request) -> Response:
        model = self._found(request)
        return JSONResponse(inference.metadata(model.name, model.inputs, model.outputs))

    async def _model_ready(self, request: Request) -> Response:
        return JSONResponse({"name": self._found(request).name, "ready": True})

    async def _tell_metrics(self, _: Request) -> Response:
        waiting = {model.name: model.pending for model in self._models}
        return Response(self._metrics.text(waiting), headers={"Content-Type": TYPE})

    async def _page(self, _: Request) -> Response:
        content, headers = page(model.name for model in self._models)
        return HTMLResponse(content, headers=headers)

    def _found(self, request: Request) -> ServedModel:
        """Returns the model that a path names."""
        model = self._models[request.path_params["model"]]
        version = request.path_params.get("version", inference.VERSION)
        if version != inference.VERSION:
            raise RequestError(f"model {model.name!r} has version {inference.VERSION} alone (got {version!r})", 404)
        return model

    async def _body(self, request: Request) -> bytes:
        """Returns the body of a request, of which no more is read than is allowed."""
        coding = request.headers.get("Content-Encoding", "identity")
        if coding != "identity":
            raise RequestError(f"send the body without compression (got {coding!r})", 415)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._limits.body:
                raise RequestError(f"the body must have at most {self._limits.body:,} bytes", 413)
        return bytes(body)


def _plain_query(fields: Mapping[str, Any], inputs: frozenset[str], limits: Limits) -> Query:
    """Returns what a request for plain answers asks: texts, and settings of the search by their names."""
    texts, prefix = field(fields, "texts", list), fields.get("prefix")
    if not (prefix is None or isinstance(prefix, str | list)):
        raise RequestError("'prefix' must be a text, or a list of one for each text")
    known = {"texts", "model", *inputs}
    for name in sorted(fields.keys() - known):
        raise RequestError(f"there is no {name!r}{closest(name, known)}; there are: {listing(known)}")
    search = {name: value for name, value in fields.items() if name not in {"texts", "model", "prefix"}}
    return read_query(texts, prefix, search, inputs=inputs, limits=limits)


def error_response(message: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Returns the response that every error has."""
    return JSONResponse({"error": one_line(message)}, status, headers)


async def _refused(_: Request, error: RequestError) -> Response:
    return error_response(str(error), error.status, error.headers)


async def _no_path(request: Request, error: HTTPException) -> Response:
    """Tells that there is no such path, or that it takes another method."""
    what = f"{request.method} {request.scope['path']}"  # request.url depends on a header, which may be wrong
    return error_response(f"{error.detail}: {what}", error.status_code, dict(error.headers or {}))


async def _gone(_: Request, __: ClientDisconnect) -> Response:
    return error_response("the client has gone", 400)


async def _bug(_: Request, __: Exception) -> Response:
    """Answers where only a bug can be the reason; its traceback goes to standard error."""
    return error_response("there is a bug in the server", 500)

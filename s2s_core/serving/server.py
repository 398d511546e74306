"""The server: it listens, answers until a signal ends it, and then finishes what it has begun."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from s2s_core.serving.application import Application
from s2s_core.serving.connection import Connection
from s2s_core.serving.limits import Limits
from s2s_core.serving.metrics import Metrics
from s2s_core.serving.models import Models, Say, open_file


def serve(paths: Mapping[str, Path], *, host: str, port: int, threads: int, limits: Limits, say: Say) -> None:
    """Serves models until SIGTERM or Ctrl-C. SIGHUP opens their files again.

    Args:
        paths: The exported file of each model, by its name.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        threads: How many threads an operator of a model may use; 0 leaves it to the file's size.
        limits: The limits.
        say: Tells the operator what happens, in one line.

    Raises:
        ModelError: A file can't be used.
        OSError: The address can't be used.
    """
    files = {name: open_file(path, threads) for name, path in paths.items()}
    with _listening(host, port) as listener:

        async def run() -> None:
            metrics = Metrics()
            models = Models(paths, threads, limits, metrics, files=files, say=say)
            config = _config(Application(models, limits, metrics), limits)
            server = _Server(config, lambda: say(f"serving {models.names} on {_url(listener)}"), models.reload)
            await server.serve([listener])
            if not server.force_exit:
                await models.close()

        asyncio.run(run())
    say("stopped")


class _Server(uvicorn.Server):
    """Uvicorn's server, whose end by a signal is a success, and that reloads on SIGHUP.

    Args:
        config: Its configuration.
        ready: Called when it answers requests and signals.
        reload: Called on SIGHUP.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None],
        reload: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        super().__init__(config)
        self._ready, self._reload = ready, reload
        self._reloads: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to answer."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles the signals while the server runs."""
        loop = asyncio.get_running_loop()
        handlers: dict[int, Any] = {signal.SIGINT: self.handle_exit, signal.SIGTERM: self.handle_exit}
        if hasattr(signal, "SIGHUP"):  # Windows has none
            handlers[signal.SIGHUP] = lambda *_: loop.call_soon_threadsafe(self._start_reload)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_reload(self) -> None:
        reload = asyncio.create_task(self._reload())
        self._reloads.add(reload)  # or it could be collected before it is done
        reload.add_done_callback(self._reloads.discard)


def _config(application: Application, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        application.asgi(),
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(limits.timeout) + 1,
    )


def _listening(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        OSError: The address can't be used; the error names it.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
    # Connections inherit it. Without it the body of a response waits 40 ms for the client to acknowledge its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

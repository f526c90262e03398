"""A sandbox on a socket: as a process until a signal, or as a thread of this one.

Prevents tests from patching a client: they talk to a real server over a real socket.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

HOST = "127.0.0.1"
MOST_BYTES = 256 * 1024 * 1024
"""Of one body: more than either CRM takes, so that it is the CRM's own limit that a client meets."""
LONGEST_LINE = 1024 * 1024
Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 picks a free one. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    sock.listen(256)
    return sock


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MOST_BYTES)


async def serve(
    handle: Handle,
    sock: socket.socket,
    done: asyncio.Event,
    ready: Callable[[], None],
    at_end: Callable[[], None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serves until `done` is set, then closes every connection and calls `at_end`."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # cut connections are its job here
    server = web.Server(
        handle,
        request_factory=_request,
        access_log=None,
        keepalive_timeout=300,
        max_line_size=LONGEST_LINE,
    )
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    site = web.SockSite(runner, sock, ssl_context=tls)
    await site.start()
    ready()
    try:
        await done.wait()
    finally:
        left = [handler.transport for handler in server.connections]
        try:
            await runner.cleanup()
            await _abort(left)
        finally:
            if at_end is not None:
                at_end()


async def _abort(left: Sequence[asyncio.Transport | None]) -> None:
    """Ends connections that would go on waiting for their client's goodbye, as TLS does, past the end of the loop."""
    for transport in left:
        if transport is not None:
            # A transport of TLS that is gone already says so by an AttributeError in some releases of Python (3.11.2).
            with contextlib.suppress(AttributeError):
                transport.abort()
    for _ in range(3):  # a transport of TLS closes the one below it, which closes its socket, a turn of the loop each
        await asyncio.sleep(0)


async def until_told(
    handle: Handle,
    sock: socket.socket,
    ready: Callable[[], None],
    at_end: Callable[[], None] | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT."""
    done, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, done.set)
    await serve(handle, sock, done, ready, at_end, tls)


class Background:
    """A server in a thread of this process, serving from its making on."""

    def __init__(
        self,
        name: str,
        handle: Handle,
        sock: socket.socket,
        at_end: Callable[[], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._handle, self._socket, self._at_end, self._tls = handle, sock, at_end, tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._done: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._done = asyncio.Event()
        try:
            work = serve(self._handle, self._socket, self._done, self._ready.set, self._at_end, self._tls)
            self._loop.run_until_complete(work)
        except BaseException as failure:  # noqa: BLE001 whoever waits for the server has to hear why it did not start
            self._failure = failure
        finally:
            self._ready.set()  # whatever the end meets, nobody waits for a server that is gone
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._socket.close()

    def stop(self) -> None:
        """Ends the server and waits for it. Raises what went wrong meanwhile."""
        if self._thread.is_alive() and self._done is not None:
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure


class Running(ABC):
    """A sandbox that serves from its making on, until it is stopped or its `with` ends."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it and waits for it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

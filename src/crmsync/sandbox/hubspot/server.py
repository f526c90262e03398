"""The HubSpot sandbox as a process or as a thread of this one.

Prevents tests from patching a client: they talk to a real server over a real socket.
"""

import argparse
import asyncio
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from crmsync.sandbox.hubspot import load, state, synthetic
from crmsync.sandbox.hubspot.app import App, Settings
from crmsync.sandbox.hubspot.limits import parse_rate
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import PORTAL_ID, ApiError, Clock, Json

HOST = "127.0.0.1"
DEFAULT_TOKEN = Settings.token


def _builder(
    data_dir: Path | None, synthetic_size: tuple[int, int] | None, clock: Clock, settings: Settings
) -> Callable[[], Portal]:
    def build() -> Portal:
        now = clock.now_ms()
        data = synthetic.generate(*synthetic_size) if synthetic_size else load.load(data_dir, now)
        return Portal(data, clock, settings.index_lag_ms)

    return build


def make_app(
    data_dir: Path | None,
    settings: Settings,
    time_scale: float = 1.0,
    state_file: Path | None = None,
    synthetic_size: tuple[int, int] | None = None,
) -> App:
    """The request handler over a loaded portal. Raises DataError, ApiError or ValueError for bad input."""
    clock = Clock(time_scale)
    save = (lambda portal: state.save(portal, state_file)) if state_file else None
    app = App(_builder(data_dir, synthetic_size, clock, settings), clock, settings, save)
    if state_file and state_file.exists():
        state.restore(app.portal, state_file)
    return app


class SandboxServer:
    """A sandbox in a background thread of this process; a context manager, serving from its making on."""

    def __init__(
        self,
        data_dir: Path | str | None,
        *,
        port: int = 0,
        rate: str = "190/10s",
        search_rate: str = "5/s",
        daily: int = 1_000_000,
        latency_ms: float = 0,
        faults: Sequence[Json] = (),
        index_lag_ms: float = 0,
        state: Path | None = None,
        time_scale: float = 1.0,
        token: str = DEFAULT_TOKEN,
        scopes: Iterable[str] | None = None,
        synthetic: tuple[int, int] | None = None,
    ) -> None:
        settings = Settings(
            rate, search_rate, daily, latency_ms, index_lag_ms, token,
            frozenset(scopes) if scopes is not None else None, list(faults),
        )  # fmt: skip
        self.app = make_app(Path(data_dir) if data_dir else None, settings, time_scale, state, synthetic)
        self._socket = _listen(port)
        self.port = int(self._socket.getsockname()[1])
        self.base_url = f"http://{HOST}:{self.port}"
        self.portal_id = PORTAL_ID
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._done: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="hubspot-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def access_token(self) -> str:
        """The token that is good now."""
        return self.app.token

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._done = asyncio.Event()
        try:
            self._loop.run_until_complete(serve(self.app, self._socket, self._done, self._ready.set))
        except BaseException as failure:  # noqa: BLE001 whoever waits for the server has to hear why it did not start
            self._failure = failure
        finally:
            self._ready.set()  # whatever the end meets, nobody waits for a server that is gone
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._socket.close()

    def stop(self) -> None:
        """Ends the server and waits for it; saves the state where there is a state file."""
        if self._thread.is_alive() and self._done is not None:
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _listen(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    sock.listen(256)
    return sock


async def serve(app: App, sock: socket.socket, done: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serves until `done` is set, then closes every connection and saves the state."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # cut connections are its job here
    server = web.Server(app.handle, access_log=None, keepalive_timeout=300)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    site = web.SockSite(runner, sock)
    await site.start()
    ready()
    try:
        await done.wait()
    finally:
        await runner.cleanup()
        if app.save is not None:
            app.save(app.portal)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crmsync sandbox hubspot", description="A local HubSpot.")
    parser.add_argument("--data", type=Path, help="folder with companies.csv, contacts.csv, deals.csv, owners.csv")
    parser.add_argument("--synthetic", metavar="C,K", help="instead: C companies and K contacts, generated")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--rate", default="190/10s", help="calls per window")
    parser.add_argument("--search-rate", default="5/s", help="searches per window")
    parser.add_argument("--daily", type=int, default=1_000_000, help="calls a day")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--index-lag-ms", type=float, default=0, help="how late search sees an edit")
    parser.add_argument("--faults", type=Path, help="a JSON file with a list of faults")
    parser.add_argument("--state", type=Path, help="a file that keeps the portal across restarts")
    parser.add_argument("--time-scale", type=float, default=1.0, help="limits, latency and lag run this much faster")
    parser.add_argument("--token", default=DEFAULT_TOKEN)
    parser.add_argument("--scopes", help="comma-separated; without it the token may do everything")
    return parser


def _app_of(args: argparse.Namespace) -> App:
    if args.data is None and args.synthetic is None and args.state is None:
        raise ValueError("--data DIR is missing. Name a folder with companies.csv, or use --synthetic C,K")
    for rate in (args.rate, args.search_rate):
        parse_rate(rate)
    if args.time_scale <= 0:
        raise ValueError("--time-scale must be above 0")
    faults: Any = json.loads(args.faults.read_text()) if args.faults else []
    scopes = frozenset(s for s in args.scopes.split(",") if s) if args.scopes is not None else None
    settings = Settings(
        args.rate, args.search_rate, args.daily, args.latency_ms, args.index_lag_ms, args.token, scopes, faults
    )
    size = synthetic.parse_size(args.synthetic) if args.synthetic else None
    return make_app(args.data, settings, args.time_scale, args.state, size)


def main(argv: list[str]) -> int:
    """Serves until SIGTERM or SIGINT; prints one JSON line when ready. 0 at a clean end, 1 for input it cannot use."""
    args = _parser().parse_args(argv)
    try:
        app = _app_of(args)
        sock = _listen(args.port)
    except (load.DataError, state.StateError, ApiError, ValueError, OSError) as fault:
        print(f"{fault}\nNothing was started.", file=sys.stderr)  # noqa: T201 a command's own message
        return 1
    base_url = f"http://{HOST}:{sock.getsockname()[1]}"
    line = json.dumps({"base_url": base_url, "access_token": app.token, "portal_id": PORTAL_ID})
    asyncio.run(_until_told(app, sock, lambda: print(line, flush=True)))  # noqa: T201 the line that callers wait for
    return 0


async def _until_told(app: App, sock: socket.socket, ready: Callable[[], None]) -> None:
    done, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, done.set)
    await serve(app, sock, done, ready)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

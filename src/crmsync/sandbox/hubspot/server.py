"""The HubSpot sandbox as a process or as a thread of this one.

Prevents tests from patching a client: they talk to a real server over a real socket.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from crmsync.sandbox.common import serving
from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.common.limits import parse_rate
from crmsync.sandbox.common.tables import DataError
from crmsync.sandbox.hubspot import load, state, synthetic
from crmsync.sandbox.hubspot.app import App, Settings
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import PORTAL_ID, ApiError, Json

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


class SandboxServer(serving.Running):
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
        sock = serving.listen(port)
        self.port = int(sock.getsockname()[1])
        self.base_url = f"http://{serving.HOST}:{self.port}"
        self.portal_id = PORTAL_ID
        self._server = serving.Background("hubspot-sandbox", self.app.handle, sock, self.app.close)

    @property
    def access_token(self) -> str:
        """The token that is good now."""
        return self.app.token

    def stop(self) -> None:
        """Ends the server and waits for it; saves the state where there is a state file."""
        self._server.stop()


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
        sock = serving.listen(args.port)
    except (DataError, state.StateError, ApiError, ValueError, OSError) as fault:
        print(f"{fault}\nNothing was started.", file=sys.stderr)  # noqa: T201 a command's own message
        return 1
    base_url = f"http://{serving.HOST}:{sock.getsockname()[1]}"
    line = json.dumps({"base_url": base_url, "access_token": app.token, "portal_id": PORTAL_ID})
    ready = lambda: print(line, flush=True)  # noqa: E731, T201 the line that callers wait for
    asyncio.run(serving.until_told(app.handle, sock, ready, app.close))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The Salesforce sandbox as a process or as a thread of this one, over TLS.

Prevents tests from patching a client: they talk to a real server over a real socket, with a certificate they check.
"""

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from crmsync.sandbox.common import serving
from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.common.faults import FaultListError
from crmsync.sandbox.common.tables import DataError
from crmsync.sandbox.salesforce import keys, seed, state
from crmsync.sandbox.salesforce.app import App, Settings
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.seed import DEFAULT_USERNAME, Made

DEFAULT_FEATURES = ("campaigns",)


def new_consumer() -> tuple[str, str]:
    """A key and a secret for the connected app, in Salesforce's shapes."""
    return f"3MVG9{secrets.token_urlsafe(60)}", secrets.token_hex(32).upper()


def make_app(
    data: Path | None,
    settings: Settings,
    features: Iterable[str] = DEFAULT_FEATURES,
    time_scale: float = 1.0,
    state_file: Path | None = None,
) -> App:
    """The request handler over a loaded org. Raises DataError, StateError, FaultListError or ValueError."""
    clock, wanted = Clock(time_scale), tuple(features)

    def build() -> Made:
        return seed.build(data, wanted, clock, settings.username)

    app = App(build, clock, settings, state.saver(state_file) if state_file is not None else None)
    if state_file is not None and state_file.exists():
        state.restore(app.service.org, state_file)
    return app


class SandboxOrg(serving.Running):
    """An org in a background thread of this process; a context manager, serving from its making on.

    `api_limit`: calls in 24 hours. `session_seconds`: how long a session lives (None: for ever). `commit_delay_ms`: how
    long a write takes to commit; others see it only then, with the stamp of when it was written.
    """

    def __init__(
        self,
        data: Path | str | None = None,
        *,
        port: int = 0,
        api_limit: int = 100_000,
        session_seconds: float | None = None,
        commit_delay_ms: int = 0,
        latency_ms: float = 0,
        faults: Sequence[Json] = (),
        features: Iterable[str] = DEFAULT_FEATURES,
        username: str = DEFAULT_USERNAME,
        state: Path | None = None,
        time_scale: float = 1.0,
        rate: str | None = None,
        search_rate: str | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="crmsync-org-")
        made = keys.write(Path(self._folder.name))
        self.consumer_key, self.consumer_secret = new_consumer()
        settings = Settings(
            self.consumer_key, self.consumer_secret, made.public_key, username, api_limit, session_seconds,
            commit_delay_ms, latency_ms, None, list(faults), rate, search_rate,
        )  # fmt: skip
        try:
            self.app = make_app(Path(data) if data else None, settings, features, time_scale, state)
            sock = serving.listen(port)
        except BaseException:
            self._folder.cleanup()
            raise
        self.port = int(sock.getsockname()[1])
        self.base_url = self.app.service.base_url = f"https://{serving.HOST}:{self.port}"
        self.ca_file, self.private_key = str(made.ca_file), str(made.private_key)
        self.username = username
        self._server = serving.Background("salesforce-sandbox", self.app.handle, sock, self.app.close, made.tls)

    @property
    def access_token(self) -> str:
        """The token of the first session."""
        return self.app.access_token

    def stop(self) -> None:
        """Ends the server, waits for it, and removes its keys; saves the org where there is a state file."""
        try:
            self._server.stop()
        finally:
            self._folder.cleanup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crmsync sandbox salesforce", description="A local Salesforce org.")
    parser.add_argument("--data", type=Path, help="folder with Account.csv, Contact.csv, Opportunity.csv, ...")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--api-limit", type=int, default=100_000, help="calls in 24 hours")
    parser.add_argument("--rate", help="calls per window, such as 190/10s; without it there is no such limit")
    parser.add_argument("--search-rate", help="queries per window")
    parser.add_argument("--session-seconds", type=float, help="how long a session lives; without it for ever")
    parser.add_argument("--commit-delay-ms", type=int, default=0, help="how long a write takes to commit")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--faults", type=Path, help="a JSON file with a list of faults")
    parser.add_argument("--state", type=Path, help="a file that keeps the org across restarts")
    parser.add_argument("--time-scale", type=float, default=1.0, help="limits and latency run this much faster")
    parser.add_argument("--features", default=",".join(DEFAULT_FEATURES), help="comma-separated; empty for none")
    parser.add_argument("--username", default=DEFAULT_USERNAME, help="the API's user")
    parser.add_argument("--token", help="the first session's token; without it a new one")
    parser.add_argument("--keys", type=Path, help="where the certificate and the login key go; without it a new folder")
    return parser


def _app_of(args: argparse.Namespace, public_key: str) -> App:
    if args.data is None and args.state is None:
        raise ValueError("--data DIR is missing. Name a folder with Account.csv")
    if args.time_scale <= 0:
        raise ValueError("--time-scale must be above 0")
    rules: Any = json.loads(args.faults.read_text()) if args.faults else []
    settings = Settings(
        *new_consumer(), public_key, args.username, args.api_limit, args.session_seconds, args.commit_delay_ms,
        args.latency_ms, args.token, rules, args.rate, args.search_rate,
    )  # fmt: skip
    features = [name.strip() for name in args.features.split(",") if name.strip()]
    return make_app(args.data, settings, features, args.time_scale, args.state)


def main(argv: list[str]) -> int:
    """Serves until SIGTERM or SIGINT; prints one JSON line when ready. 0 at a clean end, 1 for input it cannot use."""
    args = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="crmsync-org-") as folder:
        try:
            made = keys.write(args.keys or Path(folder))
            app = _app_of(args, made.public_key)
            sock = serving.listen(args.port)
        except (DataError, state.StateError, FaultListError, ValueError, OSError) as fault:
            print(f"{fault}\nNothing was started.", file=sys.stderr)  # noqa: T201 a command's own message
            return 1
        app.service.base_url = f"https://{serving.HOST}:{sock.getsockname()[1]}"
        asyncio.run(serving.until_told(app.handle, sock, _announce(app, made), app.close, made.tls))
    return 0


def _announce(app: App, made: keys.Keys) -> Callable[[], None]:
    line = json.dumps({
        "base_url": app.service.base_url, "access_token": app.access_token, "ca_file": str(made.ca_file),
        "consumer_key": app.settings.consumer_key, "consumer_secret": app.settings.consumer_secret,
        "private_key": str(made.private_key), "username": app.settings.username,
    })  # fmt: skip
    return lambda: print(line, flush=True)  # noqa: T201 the line that callers wait for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

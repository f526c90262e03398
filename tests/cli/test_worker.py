"""The worker: one run at a time, a clean end, a heartbeat, and messages to people."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
import requests
import responses

from crmsync.errors import ConfigError, CrmsyncError, Fault, UnsafePlan
from crmsync.notify import ATTEMPTS, Webhook
from crmsync.worker import service
from crmsync.worker.health import STALE, beat, judge
from tests.cli.desk import Command, Desk

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOOK = "https://hooks.example/services/T000/B000/a-secret"


def hook(address: str = HOOK) -> Webhook:
    return Webhook(lambda: address, wait=0.0)


@responses.activate
def test_a_message_is_posted_as_slack_reads_it_with_addresses_masked() -> None:
    responses.post(HOOK, body="ok")
    assert hook().send("portal main: ann@example.com must look")
    assert json.loads(responses.calls[0].request.body) == {"text": "portal main: <e-mail> must look"}


@responses.activate
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_webhook_is_tried_again(status: int) -> None:
    responses.post(HOOK, status=status)
    responses.post(HOOK, status=200)
    assert hook().send("x")
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize("status", [301, 400, 403, 404, 410])
def test_a_refused_message_is_not_tried_again_and_raises_nothing(status: int) -> None:
    responses.post(HOOK, status=status, headers={"Location": "https://elsewhere.example/"})
    assert not hook().send("x")
    assert len(responses.calls) == 1


@responses.activate
def test_a_webhook_that_stays_down_ends_after_its_attempts_and_never_tells_its_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    responses.post(HOOK, body=requests.ConnectionError(f"cannot reach {HOOK}"))
    assert not hook().send("x")
    assert len(responses.calls) == ATTEMPTS
    said = capsys.readouterr()
    assert "a-secret" not in said.out + said.err


def test_a_missing_secret_of_the_webhook_fails_no_run() -> None:
    def missing() -> str:
        raise ConfigError([Fault("config/crmsync.yaml: notify.webhook", None, "the variable X is not set")])

    assert not Webhook(missing, wait=0.0).send("x")


def test_health_is_the_age_of_the_heartbeat(tmp_path: Path) -> None:
    path = tmp_path / "worker-main.json"
    assert judge(path, NOW) == (False, "No worker has run here.")
    beat(path, NOW, state="waiting")
    assert judge(path, NOW + STALE)[0]
    assert not judge(path, NOW + STALE + timedelta(seconds=1))[0]
    beat(path, NOW, state="ended")
    assert judge(path, NOW) == (False, "The worker ended cleanly 0 s ago.")
    path.write_text("{")
    assert judge(path, NOW)[0] is False


def test_people_are_told_which_guard_stopped_a_run_and_what_else_did() -> None:
    assert "a person decides" in service.stopped_text("main", UnsafePlan("guard max_demotions: 9 of 10"))
    assert "max_demotions" in service.stopped_text("main", UnsafePlan("guard max_demotions: 9 of 10"))
    assert "token" in service.stopped_text("main", CrmsyncError("the token was refused"))


@contextmanager
def listening() -> Iterator[tuple[str, Queue[str]]]:
    """A webhook on loopback and the texts that it was sent."""
    texts: Queue[str] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.put(json.loads(body)["text"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", texts
        finally:
            server.shutdown()
            thread.join()


def add(desk: Desk, text: str) -> None:
    with (desk.config / "crmsync.yaml").open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_breach_stops_the_run_and_is_told_to_people(
    desk: Desk, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as (address, texts):
        monkeypatch.setenv("A_WEBHOOK", address)
        add(desk, "notify: {webhook: env:A_WEBHOOK}\n")
        result = run(desk, "worker", "--once")
        assert result.code == 3
        assert "max_tier_moves" in texts.get(timeout=10)
    assert desk.writes() == 0


def test_refused_changes_are_told_to_people(bare: Desk, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.faults({"match": {"path": "/batch/update", "ids": ["1"]}, "fault": "validation_rule"})
    with listening() as (address, texts):
        monkeypatch.setenv("A_WEBHOOK", address)
        add(bare, "notify: {webhook: env:A_WEBHOOK}\n")
        assert run(bare, "worker", "--once").code == 4
        assert "crmsync dead-letters" in texts.get(timeout=10)


def test_once_runs_once_and_says_so_in_its_log(bare: Desk, run: Command) -> None:
    result = run(bare, "worker", "--once", "--json")
    assert result.code == 0
    assert result.document == {"runs": 1, "exit_code": 0}
    events = [json.loads(line) for line in result.err.splitlines()]
    assert [event["event"] for event in events] == ["run done"]
    assert bare.company("1", "abm_icp_fit")["abm_icp_fit"] == "yes"


def test_a_worker_without_a_schedule_is_a_fault_that_says_what_to_write(bare: Desk, run: Command) -> None:
    result = run(bare, "worker")
    assert result.code == 1
    assert "schedule: has neither incremental nor full" in result.err


def test_sigterm_ends_a_worker_cleanly_and_its_health_follows(bare: Desk, run: Command) -> None:
    config = bare.config / "crmsync.yaml"
    text = config.read_text(encoding="utf-8")
    yearly = '    schedule: {full: "0 3 1 1 *"}\n'
    config.write_text(text.replace("    program: program.yaml\n", "    program: program.yaml\n" + yearly))
    command = [sys.executable, "-m", "crmsync.cli", "worker", "--config", str(bare.config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        started = json.loads(process.stderr.readline())
        assert started["event"] == "worker started"
        assert run(bare, "worker", "--health").code == 0
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert json.loads(err.splitlines()[-1])["event"] == "worker ended"
    health = run(bare, "worker", "--health")
    assert (health.code, "ended cleanly" in health.out) == (1, True)

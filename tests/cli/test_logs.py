"""What reaches a log: JSON lines in a pipe, and neither an e-mail address nor a token."""

from __future__ import annotations

import json
import logging
from io import StringIO

import structlog
from hypothesis import given
from hypothesis import strategies as st

from crmsync.cli import logs

TOKEN = "pat-eu1-0123456789abcdef"


def test_a_pipe_gets_one_json_object_a_line() -> None:
    out = StringIO()
    logs.configure(verbose=1, stream=out)
    structlog.get_logger("crmsync.x").info("run done", portal="main", changes=3)
    event = json.loads(out.getvalue())
    assert (event["event"], event["portal"], event["changes"], event["level"]) == ("run done", "main", 3, "info")


def test_no_address_and_no_token_reaches_a_log_however_deep() -> None:
    out = StringIO()
    logs.configure(verbose=2, stream=out)
    log = structlog.get_logger("crmsync.x")
    log.info("of ann@example.com", who={"list": ["ann@example.com"]}, token=TOKEN, why=ValueError("ann@example.com"))
    try:
        raise ValueError(f"ann@example.com used {TOKEN}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("urllib3").warning("Retry for %s", "ann@example.com")
    text = out.getvalue()
    assert len(text.splitlines()) == 3
    assert "ann@example.com" not in text
    assert "0123456789abcdef" not in text


def test_a_library_says_nothing_below_a_warning_however_verbose() -> None:
    out = StringIO()
    logs.configure(verbose=2, stream=out)
    logging.getLogger("urllib3.connectionpool").debug("POST /crm with a body")
    assert out.getvalue() == ""


def test_quiet_leaves_errors_alone() -> None:
    out = StringIO()
    logs.configure(quiet=True, stream=out)
    log = structlog.get_logger("crmsync.x")
    log.warning("not this")
    log.error("this")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["this"]


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.tuples(inner)))
def test_masking_keeps_whatever_holds_no_secret_apart_from_its_kind_of_list(value: object) -> None:
    def as_lists(item: object) -> object:
        return [as_lists(one) for one in item] if isinstance(item, list | tuple) else item

    event = logs.masked(None, "info", {"event": "x", "value": value, "to": "a@b.example"})
    assert event["to"] == "<e-mail>"
    if "@" not in str(value) and "pat-" not in str(value).lower() and "bearer" not in str(value).lower():
        assert event["value"] == as_lists(value)

"""Make the demo portal look as if earlier runs had left their decisions in it.

The portal's CSV holds tiers and seats from before, in columns that a sandbox loads as custom text. Left so, the first
run would rightly refuse them: owned properties of another type. Here they get the type and options crmsync gives them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable

import requests

from crmsync.demo import PORTAL
from crmsync.errors import CrmsyncError
from crmsync.model.outputs import Output, OutputKind

_SECONDS = 10


def held_columns(prefix: str = "abm_") -> tuple[str, ...]:
    """Columns of companies.csv that belong to crmsync, in the order of the file."""
    with (PORTAL / "companies.csv").open(encoding="utf-8", newline="") as file:
        return tuple(name for name in next(csv.reader(file)) if name.startswith(prefix))


def define_held_columns(base_url: str, access_token: str, outputs: Iterable[Output], prefix: str = "abm_") -> None:
    """Turn the held columns of a fresh HubSpot sandbox into drop-downs with the options of `outputs`.

    Raises CrmsyncError where the sandbox cannot be reached or refuses. Only for a sandbox: it changes definitions.
    """
    held = {name.removeprefix(prefix) for name in held_columns(prefix)}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {access_token}"
        for output in outputs:
            if output.object == "company" and output.name in held and output.kind is OutputKind.ENUM:
                _define(session, f"{base_url}/crm/v3/properties/companies/{prefix}{output.name}", output)


def _define(session: requests.Session, url: str, output: Output) -> None:
    options = [
        {"label": option.label, "value": option.value, "displayOrder": order, "hidden": False}
        for order, option in enumerate(output.options)
    ]
    body = {"label": output.label, "type": "enumeration", "fieldType": "select", "options": options}
    try:
        reply = session.patch(url, json=body, timeout=_SECONDS)
    except requests.RequestException as error:
        raise CrmsyncError(f"the demo's sandbox does not answer ({type(error).__name__})") from error
    if not reply.ok:
        raise CrmsyncError(f"the demo's sandbox refused {output.name}: {reply.status_code} {reply.text[:200]}")

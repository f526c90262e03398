"""Commands that a person starts with: init, check, sandbox, demo, worker."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from crmsync.cli import logs
from crmsync.cli.face import Face
from crmsync.demo import Crm
from crmsync.engine.doctor import Finding
from crmsync.engine.doctor import check as examine
from crmsync.errors import CrmsyncError, ExitCode
from crmsync.normalize.defaults import config_dir, mappings_dir
from crmsync.planning.render.view import plural
from crmsync.worker.health import is_alive
from crmsync.worker.service import Worker

_MARKS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "fault": ("FAULT  ", "bold red")}


def init(face: Face, directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the folders go.")]) -> int:
    """Write DIR/config/ and DIR/mappings/, commented, ready to edit. Nothing is overwritten."""
    parts = {directory / "config": config_dir(), directory / "mappings": mappings_dir()}
    standing = [str(target) for target in parts if target.exists()]
    if standing:
        raise CrmsyncError(f"{' and '.join(standing)} exist already; nothing was written. Choose another folder.")
    try:
        for target, source in parts.items():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    except (OSError, shutil.Error) as error:
        for target in parts:
            shutil.rmtree(target, ignore_errors=True)
        raise CrmsyncError(f"{directory}: cannot be written ({error}). Nothing was left behind.") from None
    files = sorted(str(path) for target in parts for path in target.rglob("*") if path.is_file())
    config = directory / "config"
    face.say(f"Written: {directory}/config and {directory}/mappings ({plural(len(files), 'file')}).", style="bold")
    face.say(f"""
Next:
  1. Give crmsync a token:           export HUBSPOT_ACCESS_TOKEN=...      (a service key, or an old private app)
     For Salesforce, or both:        edit {config / "crmsync.yaml"}, then crmsync bootstrap salesforce
  2. Say what you look for:          edit {config / "program.yaml"}
  3. See that all is well:           crmsync check --config {config}
  4. See what it would do:           crmsync plan --config {config}       (writes nothing to the CRM)
  5. Do it:                          crmsync apply --config {config}""")
    face.document({"written": files, "config": str(config)})
    return ExitCode.DONE


def check(face: Face) -> int:
    """Config, program, mappings, credentials, scopes, property drift, quota: every fault at once."""
    findings = examine(face.config, face.portal)
    for finding in findings:
        mark, style = _MARKS[finding.severity]
        if not face.json and not (face.quiet and finding.severity == "ok"):
            face.out.print(mark, style=style, end="  ")
            face.say(f"{finding.where}: {finding.message}")
    counts = Counter(finding.severity for finding in findings)
    face.say(_verdict(findings), style="red" if counts["fault"] else "green")
    face.document({"findings": [asdict(finding) for finding in findings], "faults": counts["fault"]})
    return ExitCode.ERROR if counts["fault"] else ExitCode.DONE


def _verdict(findings: list[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    warnings = f", {plural(counts['warning'], 'warning')}" if counts["warning"] else ""
    if counts["fault"]:
        return f"{plural(counts['fault'], 'fault')}{warnings}; nothing was written."
    return f"All is well{warnings}. Next: crmsync plan"


def demo(
    face: Face,
    crm: Annotated[Crm, typer.Option("--crm", help="The CRM to play in.")] = Crm.HUBSPOT,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the sandbox up until Ctrl-C, to try things.")] = False,
) -> int:
    """The whole loop on a bundled portal: what it reads, decides, writes, and why. Needs no account and no network."""
    # Imported here, as the sandbox below: no other command needs a web server.
    from crmsync.cli.demo import run_demo

    return run_demo(face, keep=keep, crm=crm)


def worker(
    face: Face,
    once: Annotated[bool, typer.Option("--once", help="One incremental run, then end.")] = False,
    health: Annotated[bool, typer.Option("--health", help="Ends with 0 if a worker is alive, else 1.")] = False,
) -> int:
    """Run the portal's schedules until SIGTERM, which ends it after the batch in hand."""
    with face.open() as context:
        if health:
            alive, said = is_alive(context)
            face.say(said)
            face.document({"alive": alive, "message": said})
            return ExitCode.DONE if alive else ExitCode.ERROR
    # Its log is what a worker has to say.
    logs.configure(verbose=max(face.verbose, 1), quiet=face.quiet)
    service = Worker(face.open)
    code = service.once() if once else service.serve()
    face.document({"runs": service.runs, "exit_code": int(code)})
    return code


def sandbox(arguments: list[str]) -> int:
    """Hand everything after `sandbox` to the local CRM, its options included."""
    from crmsync.sandbox.__main__ import main as sandbox_main

    return sandbox_main(arguments)

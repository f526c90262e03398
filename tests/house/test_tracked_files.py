"""What is committed runs anywhere: no tracked file knows the machine or the network it was written on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![.\w-])/(?:w[o]rk|f[a]rm|r[o]ot|U[s]ers)/|(?<![\w.])/h[o]me/(?!crmsync\b)\w")
REGISTRY = re.compile(
    r"py[p]i\.org|python[h]osted\.org|registry\.n[p]mjs|deb\.d[e]bian\.org|/simpl[e]/|--extra-inde[x]-url"
)


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked is not known")
    done = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_tracked_file_names_a_machine_path() -> None:
    assert found(MACHINE_PATH) == []


def test_no_tracked_file_names_a_package_registry() -> None:
    assert found(REGISTRY) == []


def test_patterns_catch_what_they_are_for() -> None:
    assert MACHINE_PATH.search("cd /" + "work/x")
    assert MACHINE_PATH.search("see /" + "home/someone/notes")
    assert not MACHINE_PATH.search("src/" + "work/x")
    assert REGISTRY.search("https://files.python" + "hosted.org/p")

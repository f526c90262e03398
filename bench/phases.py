"""CPU by phase: functions are measured in place, each second counted for the innermost of them that runs."""

from __future__ import annotations

import inspect
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Watched = tuple[Any, str, str]
"""Owner (a class or module), the name of its function, and the phase that it belongs to."""


def cpu() -> float:
    """Seconds of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Phases:
    """A stack of what runs; `rest` names what belongs to no phase."""

    def __init__(self, rest: str) -> None:
        self._spent: dict[str, float] = {}
        self._peak: dict[str, float] = {}
        self._stack: list[str] = []
        self._rest, self._mark, self._seconds = rest, cpu(), 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The whole of what is measured."""
        clock = time.perf_counter()
        with self._within(self._rest):
            yield
        self._seconds = time.perf_counter() - clock

    @contextmanager
    def watching(self, watched: Sequence[Watched]) -> Iterator[None]:
        """Measure these functions until the end of the block; a generator counts while it works, not while it waits."""
        kept = [(owner, name, getattr(owner, name)) for owner, name, _ in watched]
        for owner, name, phase in watched:
            setattr(owner, name, self._measured(getattr(owner, name), phase))
        try:
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)

    def report(self) -> dict[str, Any]:
        """`cpu` and `seconds` of all, `phases` by name, and `peaks`, the process's most memory by each phase's end."""
        return {
            "cpu": sum(self._spent.values()),
            "seconds": self._seconds,
            "phases": dict(self._spent),
            "peaks": dict(self._peak),
        }

    def _measured(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):

            def stepwise(*given: Any, **named: Any) -> Iterator[Any]:
                steps = function(*given, **named)
                while True:
                    with self._within(phase):
                        step = next(steps, _END)
                    if step is _END:
                        return
                    yield step

            return stepwise

        def whole(*given: Any, **named: Any) -> Any:
            with self._within(phase):
                return function(*given, **named)

        return whole

    @contextmanager
    def _within(self, phase: str) -> Iterator[None]:
        self._account()
        self._stack.append(phase)
        try:
            yield
        finally:
            self._account()
            self._stack.pop()

    def _account(self) -> None:
        now = cpu()
        if self._stack:
            phase = self._stack[-1]
            self._spent[phase] = self._spent.get(phase, 0.0) + now - self._mark
            self._peak[phase] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._mark = now


_END = object()

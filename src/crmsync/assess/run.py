"""All active systems over one snapshot, in the order that follows from what each reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from crmsync.assess import SYSTEMS
from crmsync.assess.base import System, TitleClassifier, World, ensure_columns
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import Output
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import Program, Section


def sections(systems: Sequence[System] = SYSTEMS) -> tuple[Section, ...]:
    """Every system's section of the program, for the loader."""
    return tuple(section for system in systems for section in system.sections)


def active(program: Program, systems: Sequence[System] = SYSTEMS) -> tuple[System, ...]:
    """The systems that this program uses, each after those whose outputs it reads. A cycle is a fault that names it."""
    chosen = {system.key: system for system in systems if system.active(program)}
    graph = {key: [other for other in system.after if other in chosen] for key, system in chosen.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ConfigError([Fault("systems", None, f"systems stand on each other in a circle: {circle}")]) from error
    position = {system.key: place for place, system in enumerate(systems)}
    return tuple(chosen[key] for key in sorted(order, key=lambda key: (order.index(key), position[key])))


def outputs(program: Program, systems: Sequence[System] = SYSTEMS) -> tuple[Output, ...]:
    """Everything the program owns in the CRM; lists only where `lists` names the output."""
    return tuple(
        output if output.name in program.lists else _without_lists(output)
        for system in active(program, systems)
        for output in system.outputs(program)
    )


def _all_outputs(systems: Sequence[System]) -> list[Output]:
    """What every system would own, whether or not a program uses it."""
    empty = Program("", "USD", None, {}, {}, (), "", "")
    return [output for system in systems for output in system.outputs(empty)]


def list_names(systems: Sequence[System] = SYSTEMS) -> tuple[str, ...]:
    """Outputs that the program's `lists` may name."""
    return tuple(output.name for output in _all_outputs(systems) if output.list_name)


def output_names(systems: Sequence[System] = SYSTEMS) -> tuple[str, ...]:
    """Outputs that a mapping may write from."""
    return tuple(output.name for output in _all_outputs(systems) if not output.person)


def _without_lists(output: Output) -> Output:
    return replace(output, list_name="") if output.list_name else output


def reads(program: Program, systems: Sequence[System] = SYSTEMS) -> dict[ObjectName, frozenset[str]]:
    """Canonical fields by object that the active systems read."""
    needed: dict[ObjectName, frozenset[str]] = {}
    for system in active(program, systems):
        for object_, names in system.reads(program).items():
            needed[object_] = needed.get(object_, frozenset()) | names
    return needed


def assess(
    snapshot: Snapshot,
    program: Program,
    *,
    classify: TitleClassifier | None = None,
    systems: Sequence[System] = SYSTEMS,
) -> World:
    """`(snapshot, program, as_of) -> desired state`: pure; the same inputs give the same bytes (domain.md)."""
    frames = dict(snapshot.frames)
    for object_ in OBJECTS:
        if object_ in frames:
            held = [HELD + output.name for output in outputs(program, systems) if output.object == object_]
            frames[object_] = ensure_columns(frames[object_], held)
    accounts = snapshot.coverage.get("company")
    world = World(frames, program, snapshot.as_of, classify, whole=accounts is None or accounts.complete)
    for system in active(program, systems):
        if system.object in world.frames:
            world = system.assess(world)
    return world

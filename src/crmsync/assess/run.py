"""All systems that a program uses over one snapshot, in the order that follows from what each reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import polars as pl

from crmsync.assess import SYSTEMS
from crmsync.assess.base import OUT, WHY, Reads, System, TitleClassifier, World, beside, ensure_columns
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import FIELDS, OBJECTS, ObjectName
from crmsync.model.outputs import Output
from crmsync.model.snapshot import HELD, LEAST, Snapshot
from crmsync.model.text import in_range
from crmsync.program.loader import Program, Section

Column = tuple[ObjectName, str]
_NOTED = 20
_OF_ONE = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")

#: Fields of an account that are asked for when everything is decided: the domain, for probable duplicates.
_TO_THE_END = frozenset({"id", "domain"})


def sections(systems: Sequence[System] = SYSTEMS) -> tuple[Section, ...]:
    """Every system's section of the program, for the loader."""
    return tuple(section for system in systems for section in system.sections)


def active(program: Program, systems: Sequence[System] = SYSTEMS) -> tuple[System, ...]:
    """The systems that this program uses, each after those whose columns it reads. A cycle is a fault that names it."""
    chosen = {system.key: system for system in systems if system.active is not None and system.active(program)}
    on_demand = [system for system in systems if system.active is None]
    asked: set[Column] = {("company", name) for name in program.fields}
    waiting = list(chosen.values())
    while True:
        asked |= {column for system in waiting for column in _columns(system.reads(program))}
        waiting = [one for one in on_demand if one.key not in chosen and not asked.isdisjoint(_given(one, program))]
        if not waiting:
            break
        chosen |= {system.key: system for system in waiting}
    _check_reads(chosen.values(), program, systems)
    givers = {column: key for key, system in chosen.items() for column in _given(system, program)}
    graph = {
        key: sorted({givers[column] for column in _asked(system, program) if column in givers} - {key})
        for key, system in chosen.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ConfigError([Fault("systems", None, f"systems stand on each other in a circle: {circle}")]) from error
    position = {system.key: place for place, system in enumerate(systems)}
    return tuple(chosen[key] for key in sorted(order, key=lambda key: (order.index(key), position[key])))


def _columns(reads: Reads) -> set[Column]:
    return {(object_, name) for object_, names in reads.items() for name in names}


def _asked(system: System, program: Program) -> set[Column]:
    """Everything that a system would use, required or not."""
    return _columns(system.reads(program)) | _columns(system.wants(program))


def _given(system: System, program: Program) -> set[Column]:
    """Columns that a system adds: what it gives to others, and its outputs."""
    given = {(object_, name) for object_, names in system.gives.items() for name in names}
    return given | {(output.object, OUT + output.name) for output in system.outputs(program) if not output.person}


def _check_reads(chosen: Iterable[System], program: Program, systems: Sequence[System]) -> None:
    """A column that nothing could ever give is a slip in a system, not something unknown."""
    known = {column for system in systems for column in _given(system, program)}
    known |= {(output.object, OUT + output.name) for output in _all_outputs(systems)}
    faults = [
        Fault(f"systems: {system.key}", None, f"reads {name} of {object_}, which no field and no system gives")
        for system in chosen
        for object_, name in sorted(_asked(system, program) - known)
        if name not in FIELDS[object_]
    ]
    if faults:
        raise ConfigError(faults)


def outputs(program: Program, systems: Sequence[System] = SYSTEMS) -> tuple[Output, ...]:
    """Everything the program owns in the CRM; lists only where `lists` names the output."""
    return tuple(
        output if output.name in program.lists else _without_lists(output)
        for system in active(program, systems)
        for output in system.outputs(program)
    )


_EMPTY = Program("", "USD", None, {}, {}, (), "", "")


def _all_outputs(systems: Sequence[System]) -> list[Output]:
    """What every system would own, whether or not a program uses it."""
    return [output for system in systems for output in system.outputs(_EMPTY)]


def list_names(systems: Sequence[System] = SYSTEMS) -> tuple[str, ...]:
    """Outputs that the program's `lists` may name."""
    return tuple(dict.fromkeys(output.name for output in _all_outputs(systems) if output.list_name))


def unmade_lists(program: Program, systems: Sequence[System] = SYSTEMS) -> dict[str, tuple[str, ...]]:
    """What `lists` names and no system of this program decides, with the sections that would."""
    made = {output.name for system in active(program, systems) for output in system.outputs(program)}
    keys = [section.key for system in systems for section in system.sections]
    return {
        name: tuple(key for key in keys if name in _decided_by(key, systems))
        for name in program.lists
        if name not in made
    }


def _decided_by(section: str, systems: Sequence[System]) -> set[str]:
    """The outputs of the systems that one section switches on."""
    alone = replace(_EMPTY, sections={section: True})
    on = [system for system in systems if system.active is not None and system.active(alone)]
    return {output.name for system in on for output in system.outputs(_EMPTY)}


def output_names(systems: Sequence[System] = SYSTEMS) -> tuple[str, ...]:
    """Outputs that a mapping may write from."""
    return tuple(dict.fromkeys(output.name for output in _all_outputs(systems) if not output.person))


def _without_lists(output: Output) -> Output:
    return replace(output, list_name="") if output.list_name else output


def reads(program: Program, systems: Sequence[System] = SYSTEMS) -> dict[ObjectName, frozenset[str]]:
    """Canonical fields by object that a mapping must provide."""
    asked = {column for system in active(program, systems) for column in _columns(system.reads(program))}
    return _fields(asked | {("company", name) for name in program.fields})


def wants(program: Program, systems: Sequence[System] = SYSTEMS) -> dict[ObjectName, frozenset[str]]:
    """Canonical fields by object that are used where a mapping provides them."""
    return _fields({column for system in active(program, systems) for column in _columns(system.wants(program))})


def asks(program: Program, systems: Sequence[System] = SYSTEMS) -> dict[Column, str]:
    """Where in the program a field is asked for without being named there ("checklist.boxes.website")."""
    return {
        (system.object, name): where
        for system in active(program, systems)
        for name, where in system.asks(program).items()
    }


def _fields(columns: set[Column]) -> dict[ObjectName, frozenset[str]]:
    found: dict[ObjectName, frozenset[str]] = {}
    for object_, name in columns:
        known = FIELDS[object_].get(name)
        if known is not None and not known.derived:
            found[object_] = found.get(object_, frozenset()) | {name}
    return found


def assess(
    snapshot: Snapshot,
    program: Program,
    *,
    classify: TitleClassifier | None = None,
    systems: Sequence[System] = SYSTEMS,
    lines: pl.DataFrame | None = None,
) -> World:
    """`(snapshot, program, as_of) -> desired state`: pure; the same inputs give the same bytes (domain.md).

    `lines` are `id` and `reports_to` of every contact of the portal, where the snapshot has only some of them.
    """
    contacts = snapshot.frames.get("contact")
    if lines is None and contacts is not None and "reports_to" in contacts.columns:
        lines = contacts
    reporting = None if lines is None else direct_reports(lines)
    run = Assessment(snapshot, program, classify=classify, systems=systems, reporting=reporting)
    if contacts is not None:
        run.part(contacts)
    return run.finish()


def direct_reports(contacts: pl.DataFrame) -> pl.DataFrame:
    """How many report to whom: columns `id` and `direct_reports`, from `id` and `reports_to` of every contact."""
    lines = contacts.filter((pl.col("reports_to") != pl.col("id")).fill_null(value=False))
    return lines.group_by(pl.col("reports_to").alias("id")).agg(pl.len().cast(pl.Int64).alias("direct_reports"))


class Assessment:
    """One assessment in steps, for portals whose contacts do not fit into memory at once.

    `part` takes contacts, any number of times, and gives them back decided by themselves and by the deals that name
    them; `finish` decides the accounts. With `slim` only those columns of a contact are kept between the two that an
    account system reads, and what only an explanation reads is dropped.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        program: Program,
        *,
        classify: TitleClassifier | None = None,
        systems: Sequence[System] = SYSTEMS,
        slim: bool = False,
        reporting: pl.DataFrame | None = None,
    ) -> None:
        self._program, self._slim, self._reporting = program, slim, reporting
        self._order = active(program, systems)
        self._all = systems
        self._early = _early(self._order, program)
        held: dict[ObjectName, dict[str, pl.DataType]] = {object_: {} for object_ in OBJECTS}
        self.outputs = outputs(program, systems)
        for output in self.outputs:
            held[output.object][HELD + output.name] = pl.String()
        self._held = held
        frames: dict[ObjectName, pl.DataFrame] = {
            object_: ensure_columns(frame, held[object_])
            for object_, frame in snapshot.frames.items()
            if object_ != "contact"
        }
        unread = {object_ for object_, seen in snapshot.coverage.items() if not seen.complete}
        self._world = World(
            frames,
            program,
            snapshot.as_of,
            classify,
            whole="company" not in unread,
            all_deals="deal" not in unread,
            active_owners=snapshot.active_owners,
            provided={object_: frozenset(frame.columns) for object_, frame in snapshot.frames.items()},
        )
        self._parts: list[pl.DataFrame] = []
        self._named_by_deals = _named_by(frames["deal"]) if slim and "deal" in frames else None

    @property
    def early_outputs(self) -> tuple[Output, ...]:
        """What `part` decides, as the program owns it."""
        early = {
            output.name
            for system in self._order
            if system.key in self._early
            for output in system.outputs(self._program)
        }
        return tuple(one for one in self.outputs if one.object == "contact" and one.name in early)

    def part(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """Decide what follows from these contacts and the deals alone; returns them with `out.` and `why.` columns."""
        if self._reporting is not None:
            contacts = contacts.drop("direct_reports", strict=False)
            near = in_range(self._reporting, contacts["id"])
            contacts = beside(contacts, near)
            contacts = contacts.with_columns(pl.col("direct_reports").fill_null(0))
        given = {**self._world.provided, "contact": frozenset(contacts.columns)}
        self._world = replace(self._world, provided=given)
        frames: dict[ObjectName, pl.DataFrame] = {"contact": ensure_columns(contacts, self._held["contact"])}
        if "deal" in self._world.frames:
            frames["deal"] = self._deals_of(contacts)
        world = replace(self._world, frames=frames)
        for system in self._order:
            if system.key in self._early:
                world = self._run(system, world)
        self._world = replace(self._world, notes=_few((*self._world.notes, *world.notes)))
        self._parts.append(world.contacts.select(self._kept(world.contacts)))
        return world.contacts

    def _deals_of(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """The deals; with `slim` those near the part's contacts, for a part need not look through all of them."""
        if self._named_by_deals is None:
            return self._world.deals
        rows = in_range(self._named_by_deals, contacts["id"])["row"].unique().sort()
        return self._world.deals[rows]

    def _kept(self, frame: pl.DataFrame) -> list[str]:
        if not self._slim:
            return frame.columns
        late = [system for system in self._order if system.key not in self._early]
        asked = {name for system in late for object_, name in _asked(system, self._program) if object_ == "contact"}
        owned = {output.name for system in late for output in system.outputs(self._program)}
        asked |= {HELD + name for name in owned}
        if any(system.object == "contact" for system in late):
            asked.add("id")
        return [name for name in frame.columns if name in asked]

    def finish(self, *, lean: bool = False) -> World:
        """Decide everything else. `lean` drops on the way what no decision reads any more, to save memory.

        Once only: what was handed to `part` is let go of.
        """
        world = self._world
        if self._parts:
            contacts = self._parts[0] if len(self._parts) == 1 else pl.concat(self._parts)
            world = world.with_frame("contact", contacts)
            del contacts
        # What was handed on is let go of here, so that it can be dropped once nothing more is decided on it.
        self._parts.clear()
        self._world = replace(self._world, frames={})
        late = [system for system in self._order if system.key not in self._early]
        if lean:
            late = self._contacts_first(late)
        self._reporting = self._named_by_deals = None
        for place, system in enumerate(late, 1):
            if system.object in world.frames:
                world = self._run(system, world)
            if lean:
                world = self._without_spent(world, late[place:])
        return world

    def _contacts_first(self, late: Sequence[System]) -> list[System]:
        """Those that read contacts, and what they stand on, before the others: then the contacts can be dropped."""
        givers = {column: system for system in late for column in _given(system, self._program)}
        first: dict[str, System] = {}
        waiting = [one for one in late if any(object_ == "contact" for object_, _ in _asked(one, self._program))]
        while waiting:
            system = waiting.pop()
            first[system.key] = system
            asked = _asked(system, self._program)
            waiting += [giver for column, giver in givers.items() if column in asked and giver.key not in first]
        return [one for one in late if one.key in first] + [one for one in late if one.key not in first]

    def _without_spent(self, world: World, later: Sequence[System]) -> World:
        """Without the values of accounts, and the columns of contacts, that no later system reads."""
        asked = {column for system in later for column in _asked(system, self._program)}
        decided = {OUT + output.name for output in self.early_outputs}
        for object_, frame in world.frames.items():
            if object_ == "contact":
                spent = {name for name in frame.columns if name in decided or not name.startswith((HELD, OUT))} - {"id"}
            else:
                spent = set(FIELDS[object_]) - _TO_THE_END
            unread = [name for name in frame.columns if name in spent and (object_, name) not in asked]
            world = world.with_frame(object_, frame.drop(unread))
        return world

    def _run(self, system: System, world: World) -> World:
        world = system.assess(self._prepared(system, world))
        return self._narrowed(system, world) if self._slim else world

    def _narrowed(self, system: System, world: World) -> World:
        """Without the columns that only an explanation reads, and with few distinct texts as categories."""
        given = {name for one in self._order for name in one.gives.get(system.object, {})}
        frame = world.frames[system.object]
        frame = frame.drop([name for name in frame.columns if name.startswith(WHY) and name not in given])
        # Reasons too: a change that quotes a wide text keeps the texts of all its part in memory.
        texts = {OUT + name for one in system.outputs(self._program) for name in (one.name, one.reason)}
        narrow = [name for name in frame.columns if name in texts and frame[name].dtype == pl.String]
        return world.with_frame(system.object, frame.with_columns(pl.col(narrow).cast(pl.Categorical)))

    def _prepared(self, system: System, world: World) -> World:
        """What the system reads is there, null where nothing gives it; so is a frame that the snapshot came without."""
        for object_, names in _by_object(_asked(system, self._program)).items():
            frame = world.frames.get(object_)
            if frame is None:
                if object_ == "contact" and system.key in self._early:
                    continue
                frame = pl.DataFrame(schema={"id": pl.String})
            world = world.with_frame(
                object_, ensure_columns(frame, {n: self._dtype(object_, n) for n in sorted(names)})
            )
        return world

    def _dtype(self, object_: ObjectName, name: str) -> pl.DataType:
        known = FIELDS[object_].get(name.removeprefix(LEAST))
        if known is not None:
            return known.kind.dtype
        for system in self._all:
            if name in system.gives.get(object_, {}):
                return system.gives[object_][name]
        return pl.String()


def _few(notes: Iterable[str]) -> tuple[str, ...]:
    """Each note once, and of those that are alike but for ids and quoted words the first 20: every part has its own."""
    kinds: Counter[str] = Counter()
    kept = []
    for note in dict.fromkeys(notes):
        kind = _OF_ONE.sub("", note)
        kinds[kind] += 1
        if kinds[kind] <= _NOTED:
            kept.append(note)
    return tuple(kept)


def _named_by(deals: pl.DataFrame) -> pl.DataFrame:
    """`id` of every contact that a deal names, and the deal's `row`."""
    numbered = deals.with_row_index("row")
    named = [pl.DataFrame(schema={"id": pl.String, "row": pl.UInt32})]
    for column in ("contacts", "contact_roles"):
        if column in deals.columns:
            entries = numbered.select(pl.col(column).alias("id"), "row").explode("id").drop_nulls("id")
            entry = pl.col("id").cast(pl.String)
            person = entry if column == "contacts" else entry.str.splitn(":", 2).struct.field("field_0")
            named.append(entries.with_columns(person.alias("id")))
    return pl.concat(named).unique()


def _by_object(columns: set[Column]) -> Mapping[ObjectName, set[str]]:
    found: dict[ObjectName, set[str]] = {}
    for object_, name in columns:
        found.setdefault(object_, set()).add(name)
    return found


def _early(order: Sequence[System], program: Program) -> frozenset[str]:
    """Contact systems that stand on no account system, not even through another one."""
    givers = {column: system.key for system in order for column in _given(system, program)}
    early: set[str] = set()
    for system in order:
        stands_on = {givers[column] for column in _asked(system, program) if column in givers} - {system.key}
        if system.object == "contact" and stands_on <= early:
            early.add(system.key)
    return frozenset(early)

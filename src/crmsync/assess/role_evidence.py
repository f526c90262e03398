"""What people said of a contact's role (domain.md B1): their parts in deals, and the CRM's own buying role.

A deal's contact role outranks the title; so does a buying role that a person entered. The failure this prevents: our
own result, which a mapping may write into the CRM's buying role, read back as if a person had said it. The reason that
we write beside the role remembers whose word it was, so that this too can be recovered from the CRM alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from crmsync.assess.base import WHY, World, ensure_columns, held, out, text
from crmsync.assess.role_section import END_USER, OFF, STAKEHOLDERS, RoleProgram, role_word
from crmsync.errors import mask
from crmsync.model.fields import DEAL
from crmsync.model.snapshot import HELD
from crmsync.model.text import id_order

DEAL_FIELDS = frozenset({"name", "is_won", "is_closed", "closed_at", "contacts", "contact_roles"})

BITS: dict[str, int] = {role: 1 << place for place, role in enumerate(STAKEHOLDERS)}
"""Stakeholder roles as bits of one number, so that those of several deals add up in columns."""

_TEXTS = {bits: ";".join(role for role in STAKEHOLDERS if bits & BITS[role]) for bits in range(1, 1 << len(BITS))}
_OURS, _THEIRS = "came from here", "was entered in the CRM"
_NOTED = 20

ROLE = WHY + "roles."
DEAL_BITS, DEAL_WORDS, DEAL_RANK = (f"{ROLE}deal_{name}" for name in ("bits", "words", "rank"))
BUYING_BITS, BUYING_WORDS, BUYING_RANK, BUYING_OURS = (
    f"{ROLE}buying_{name}" for name in ("bits", "words", "rank", "ours")
)
DEAL_SCHEMA: dict[str, pl.DataType] = {DEAL_BITS: pl.UInt32(), DEAL_WORDS: pl.String(), DEAL_RANK: pl.Int32()}
BUYING_SCHEMA: dict[str, pl.DataType] = {
    BUYING_BITS: pl.UInt32(),
    BUYING_WORDS: pl.String(),
    BUYING_RANK: pl.Int32(),
    BUYING_OURS: pl.Boolean(),
}


def uses(rules: RoleProgram) -> pl.Expr:
    """The bit of End User where the department uses the product: it stands beside whatever else is said."""
    user = out("department").is_in(sorted(rules.users)).fill_null(value=False)
    return pl.when(user).then(BITS[END_USER]).otherwise(0).cast(pl.UInt32)


def text_of(bits: pl.Expr) -> pl.Expr:
    """Roles as an output's text, in the declared order; null for none."""
    return bits.replace_strict(_TEXTS, default=None, return_dtype=pl.String)


def bits_of(texts: pl.Series, table: Mapping[str, int] = BITS) -> pl.Series:
    """`;`-separated values of `table` -> their bits (UInt32); what is not in it counts for nothing, null for 0.

    The column may be categorical; each distinct text is read once.
    """
    distinct = texts.drop_nulls().unique()
    bits = [sum({table.get(part.strip(), 0) for part in one.split(";")}) for one in distinct.cast(pl.String)]
    return texts.replace_strict(distinct, pl.Series(bits, dtype=pl.UInt32), default=0, return_dtype=pl.UInt32)


def deal_entries(world: World, contacts: pl.DataFrame, rules: RoleProgram) -> pl.DataFrame:
    """Every part that these contacts have in a deal, as the CRM's users entered it; they carry `out.department`.

    Columns: contact, deal, name, word, bits, rank (of influence, -1 for none), closed (null: not known), is_won,
    closed_at, and `counts`: the role is decided on it. It counts where the deal is open, or the latest closed one that
    says something. Where that cannot be told, it counts for those who hold exactly what they then are said to be.
    """
    deals = _readable(world)
    # A deal without contact roles has a null here, and `filter` leaves it out as it should.
    entries = deals.filter(pl.col("contact_roles").list.len() > 0).select(
        text("id").alias("deal"), text("name"), "is_won", _closed(), "closed_at", "contact_roles"
    )
    parts = pl.col("contact_roles").cast(pl.String).str.splitn(":", 2).struct
    entries = entries.explode("contact_roles").select(
        parts.field("field_0").alias("contact"), parts.field("field_1").alias("raw"), pl.exclude("contact_roles")
    )
    entries = entries.filter(
        pl.col("contact").is_in(contacts["id"].implode()) & (pl.col("raw").str.strip_chars() != "")
    )
    entries = _read_words(entries, rules)
    holders = contacts.filter(pl.col("id").is_in(entries["contact"].implode()))
    holders = holders.select(
        pl.col("id").alias("contact"), held("stakeholder_role").alias("held"), uses(rules).alias("uses")
    )
    holders = holders.with_columns(bits_of(holders["held"]).alias("held"))
    entries = entries.join(holders, on="contact", how="left", maintain_order="left")
    sure = _counts(dated=world.has("deal", "closed_at"))
    says = pl.col("bits") > 0
    entries = entries.with_columns((says & sure).alias("sure"), _explains_what_is_held(says, sure).alias("kept"))
    return entries.with_columns(pl.coalesce("sure", "kept").alias("counts")).drop("raw", "held", "uses", "sure", "kept")


def _explains_what_is_held(says: pl.Expr, sure: pl.Expr) -> pl.Expr:
    """Whether doubtful parts that say what a contact holds make up, with the certain ones, all that it holds.

    If they made up less, counting them would take a role away on the second run that other evidence gave on the first.
    """
    bits, held_bits = pl.col("bits"), pl.col("held")
    doubtful = sure.is_null() & says & ((bits & ~held_bits) == 0)
    told = pl.when(says & sure.fill_null(value=False) | doubtful).then(bits).otherwise(0)
    return doubtful & ((told.bitwise_or().over("contact") | pl.col("uses")) == held_bits)


def _readable(world: World) -> pl.DataFrame:
    """The deals with all that is wanted of them. A portal that cannot say which are closed has open ones only."""
    deals = ensure_columns(world.deals, {name: DEAL[name].kind.dtype for name in DEAL_FIELDS})
    if world.has("deal", "is_closed") or world.has("deal", "is_won"):
        return deals
    return deals.with_columns(pl.lit(value=False).alias("is_closed"))


def _closed() -> pl.Expr:
    """Null where the portal does not say; a deal that was won is closed."""
    won = pl.when(pl.col("is_won")).then(pl.lit(value=True))
    return pl.coalesce("is_closed", won).alias("closed")


def _counts(*, dated: bool) -> pl.Expr:
    """Open, or the latest of the closed deals that say something of this contact; null where that cannot be told."""
    if not dated:
        return pl.lit(value=True)
    closed, at, says = pl.col("closed"), pl.col("closed_at"), pl.col("bits") > 0
    perhaps = says & closed.fill_null(value=True)
    latest = at.filter(perhaps).max().over("contact")
    latest_for_certain = at.filter(says & closed.fill_null(value=False)).max().over("contact")
    undated = (perhaps & at.is_null()).sum().over("contact") > 0
    superseded = (at < latest_for_certain).fill_null(value=False)
    candidates = pl.col("bits").filter(perhaps & ~superseded)
    # Whichever of them is the latest, they say the same.
    agreed = perhaps & ~superseded & (candidates.n_unique().over("contact") == 1)
    the_latest = (
        pl.when(agreed | ((at >= latest) & ~undated))
        .then(pl.lit(value=True))
        .when(superseded)
        .then(pl.lit(value=False))
    )
    return ~closed | the_latest


def deal_roles(entries: pl.DataFrame) -> pl.DataFrame:
    """One row a contact that some deal gives a role: `id` and the columns of DEAL_SCHEMA."""
    counted = entries.filter("counts")
    return counted.group_by(pl.col("contact").alias("id")).agg(
        pl.col("bits").bitwise_or().alias(DEAL_BITS), _words().alias(DEAL_WORDS), pl.col("rank").max().alias(DEAL_RANK)
    )


def on_open_deals(world: World, ids: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Those of `ids` who are on a deal that is certainly open, and those on one that may be."""
    deals = _readable(world).with_columns(_closed()).filter(~pl.col("closed").fill_null(value=False))
    with_role = pl.col("contact_roles").list.eval(pl.element().str.splitn(":", 2).struct.field("field_0"))
    named = [
        deals.select("closed", people.alias("contact")).explode("contact") for people in (pl.col("contacts"), with_role)
    ]
    people = pl.concat(named).with_columns(text("contact"))
    people = people.filter(pl.col("contact").is_in(ids.implode()))
    certain = people["closed"].is_not_null()
    return people.filter(certain)["contact"].unique(), people.filter(~certain)["contact"].unique()


def buying_roles(contacts: pl.DataFrame, rules: RoleProgram) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """One row a contact whose buying role in the CRM says something, and notes on words that nobody has explained.

    Columns: `id` and those of BUYING_SCHEMA. BUYING_OURS: it only repeats what we had decided. That is so where our
    reason says it, or where every word means a role that we hold and our reason does not say that a person entered it.
    """
    frame = contacts.filter(pl.col("buying_role").list.len() > 0)
    if frame.is_empty():
        return pl.DataFrame(schema={"id": pl.String, **BUYING_SCHEMA}), ()
    seen = ("buying_role", HELD + "stakeholder_role", HELD + "role_reason")
    frame = frame.select("id", pl.col("buying_role").cast(pl.List(pl.String)).list.join(";").alias(seen[0]), *seen[1:])
    # Judged once for each way that the three come together.
    kinds = frame.select(seen).unique(maintain_order=True).with_row_index("kind")
    said, notes = _buying_kinds(kinds, rules)
    of_kind = kinds.join(said, on="kind", maintain_order="left").drop("kind")
    said = frame.join(of_kind, on=seen, nulls_equal=True, maintain_order="left").drop(seen)
    return said, notes


def _buying_kinds(kinds: pl.DataFrame, rules: RoleProgram) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """`buying_roles` for each `kind`, with that column in place of `id`."""
    frame = kinds.select(
        "kind",
        pl.col("buying_role").str.split(";").alias("raw"),
        held("stakeholder_role").alias("held"),
        held("role_reason").str.extract(rf"buying role ([a-z0-9_, ]+) {_OURS}").alias("ours"),
        held("role_reason").str.extract(rf"buying role ([a-z0-9_, ]+) {_THEIRS}").alias("theirs"),
    )
    frame = frame.with_columns(bits_of(frame["held"]).alias("held"))
    entries = _read_words(frame.explode("raw"), rules)
    said = entries.group_by("kind").agg(
        pl.col("bits").bitwise_or().alias(BUYING_BITS),
        _words().alias(BUYING_WORDS),
        pl.col("rank").max().alias(BUYING_RANK),
        pl.col("held", "ours", "theirs").first(),
    )
    repeats = (pl.col(BUYING_BITS) & ~pl.col("held")) == 0
    # HubSpot has no technical qualifier, and the mapping offers INFLUENCER in its place.
    instead = (pl.col(BUYING_WORDS) == "influencer") & ((pl.col("held") & BITS["technical_qualifier"]) > 0)
    ours = (pl.col("ours") == pl.col(BUYING_WORDS)).fill_null(value=False)
    ours = ours | (pl.col("theirs").is_null() & (repeats | instead))
    said = said.filter(pl.col(BUYING_BITS) > 0).select("kind", *list(BUYING_SCHEMA)[:3], ours.alias(BUYING_OURS))
    return said, word_notes(entries, rules, "the buying role")


def buying_note(words: pl.Expr, ours: pl.Expr) -> pl.Expr:
    """What our reason says of the CRM's buying role, so that the next run knows whose word it is; null where blank."""
    whose = pl.when(ours).then(pl.lit(_OURS)).otherwise(pl.lit(_THEIRS))
    return pl.concat_str(pl.lit("buying role "), words, pl.lit(" "), whose)


def word_notes(entries: pl.DataFrame, rules: RoleProgram, what: str) -> tuple[str, ...]:
    """A finding for each word that the program does not explain."""
    strange = sorted(word for word in entries["word"].unique().drop_nulls() if word not in rules.deal_roles)
    return tuple(
        f"{what} {mask(word)!r} means no stakeholder role yet; say under roles.deal_roles which, or off"
        for word in strange[:_NOTED]
    )


def deal_words(entries: pl.DataFrame) -> Iterator[str]:
    """`deal 'Renewal' (open): decision maker` for what counts, open deals first, then the latest."""
    order = [pl.col("closed").fill_null(value=False), pl.col("closed_at"), *id_order("deal"), pl.col("word")]
    shown = entries.filter("counts").sort(order, descending=[False, True, False, False, False], nulls_last=True)
    for row in shown.iter_rows(named=True):
        state = "open" if row["closed"] is False else "open or closed, nobody knows"
        if row["closed"]:
            state = _outcome(row["is_won"]) + (f" {row['closed_at']:%Y-%m-%d}" if row["closed_at"] else "")
        yield f"deal {row['name'] or row['deal']!r} ({state}): {row['word'].replace('_', ' ')}"


def _outcome(won: bool | None) -> str:
    return "closed" if won is None else "won" if won else "lost"


def _read_words(entries: pl.DataFrame, rules: RoleProgram) -> pl.DataFrame:
    """Add `word`, `bits` and `rank` from `raw`; each distinct text is read once."""
    read = {raw: role_word(raw) for raw in entries["raw"].unique().drop_nulls().to_list()}
    roles = {raw: rules.deal_roles.get(word, OFF) for raw, word in read.items()}
    ranks = {raw: rules.influence_words.get(word, -1) for raw, word in read.items()}
    raw = pl.col("raw")
    return entries.with_columns(
        raw.replace_strict(read, default=None, return_dtype=pl.String).alias("word"),
        raw.replace_strict(
            {r: BITS.get(role, 0) for r, role in roles.items()}, default=0, return_dtype=pl.UInt32
        ).alias("bits"),
        raw.replace_strict(ranks, default=-1, return_dtype=pl.Int32).alias("rank"),
    )


def _words() -> pl.Expr:
    return pl.col("word").filter(pl.col("bits") > 0).unique().sort().str.join(", ")

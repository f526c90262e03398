"""The user's rules: loading with every fault at once, and conditions as Polars expressions.

Knows no account system (each hands in its `Section`) and no CRM.
"""

from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not, children, fields_of, leaves, nodes
from crmsync.program.contradictions import never_true
from crmsync.program.evaluate import compile_expr, leaf_columns
from crmsync.program.loader import (
    ConditionSpec,
    Program,
    Resolver,
    Section,
    load_program,
    load_program_text,
)
from crmsync.program.schema import json_schema
from crmsync.program.units import currency_digits, money_text
from crmsync.program.words import describe, explain, predicate, read_value

__all__ = [
    "All",
    "Any_",
    "Condition",
    "ConditionSpec",
    "Leaf",
    "Named",
    "Not",
    "Program",
    "Resolver",
    "Section",
    "children",
    "compile_expr",
    "currency_digits",
    "describe",
    "explain",
    "fields_of",
    "json_schema",
    "leaf_columns",
    "leaves",
    "load_program",
    "load_program_text",
    "money_text",
    "never_true",
    "nodes",
    "predicate",
    "read_value",
]

"""Domains and company names out of what people paste."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.normalize.company_name import company_key, company_keys
from crmsync.normalize.domain import domain, domains, host, is_free_mail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.com", "example.com"),
        ("https://www.Example.com/path?q=1#x", "example.com"),
        ("http://shop.example.co.uk:8080/", "example.co.uk"),
        ("Jo.Doe+x@mail.example.com", "example.com"),
        ("mailto:jo@example.com", "example.com"),
        ("http//example.com", "example.com"),
        ("//example.com", "example.com"),
        ("WWW.EXAMPLE.COM.", "example.com"),
        (" example.com, example.org ", "example.com"),
        ("Jo Doe <jo@example.com>", "example.com"),
        ("see example.com", "example.com"),
        ("https://user:secret@example.com/", "example.com"),
        ("München.de", "xn--mnchen-3ya.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("acme.github.io", "acme.github.io"),
        ("abc.xyz", "abc.xyz"),
        ("rival.example", "rival.example"),
        ("www.de", "www.de"),
        ("co.uk", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("http://", None),
        ("n/a", None),
        ("-", None),
        ("", None),
        (None, None),
        ("ex ample", None),
        ("a..b.com", None),
    ],
)
def test_a_domain_is_found_in_dirty_text(text: str | None, expected: str | None) -> None:
    assert domain(text) == expected


def test_a_host_keeps_its_subdomain() -> None:
    assert host("https://shop.example.co.uk/x") == "shop.example.co.uk"


@given(st.text(max_size=40))
def test_any_text_is_a_domain_or_none_and_reading_twice_changes_nothing(text: str) -> None:
    found = domain(text)
    assert found is None or domain(found) == found


_PIECES = st.sampled_from(
    ["www.", "a", "B", "example", "-", "_", ".", ".co", ".uk", ".com", ".de", "\n", " ", "1", "/", "@", "ü"]
)


@given(st.lists(st.one_of(st.none(), st.lists(_PIECES, max_size=5).map("".join), st.text(max_size=10))))
def test_a_column_of_domains_reads_as_each_text_alone(texts: list[str | None]) -> None:
    given_texts = [*texts, "example.com", "co.uk", "shop.example.co.uk", "www.de", None]
    column = domains(pl.Series("domain", given_texts, dtype=pl.String))
    assert column.name == "domain"
    assert column.to_list() == [domain(text) for text in given_texts]


def test_free_mailboxes_are_no_employers() -> None:
    assert is_free_mail("jo@GMail.com")
    assert is_free_mail("yahoo.co.uk")
    assert not is_free_mail("jo@example.com")
    assert not is_free_mail(None)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Walmart Inc.", "walmart"),
        ("The Kroger Co.", "kroger"),
        ("Müller GmbH & Co. KG", "mueller"),
        ("MUELLER", "mueller"),
        ("Société Générale S.A.", "societe generale"),
        ("Dupont S.A.R.L.", "dupont"),
        ("Dupont SARL", "dupont"),
        ("Ferrari S.p.A.", "ferrari"),
        ("Grupo Bimbo S.A. de C.V.", "grupo bimbo"),
        ("Škoda s.r.o.", "skoda"),
        ("Allegro sp. z o.o.", "allegro"),
        ("Novo Nordisk A/S", "novo nordisk"),
        ("Tata Pvt. Ltd.", "tata"),
        ("Hershey Company (The)", "hershey"),
        ("Alphabet Inc. (Class A)", "alphabet"),
        ("A.P. Møller - Mærsk A/S", "ap moller maersk"),
        ("Volkswagen Aktiengesellschaft", "volkswagen"),
        ("Robert Bosch Gesellschaft mit beschränkter Haftung", "robert bosch"),
        ("AT&T Inc", "at and t"),
        ("McDonald's", "mcdonalds"),
        ("McDonald’s Corporation", "mcdonalds"),
        ("Limited", "limited"),
        ("株式会社日立", "株式会社日立"),
        ("", None),
        ("  ", None),
        (None, None),
        ("...", None),
    ],
)
def test_company_names_meet_under_one_key(name: str | None, key: str | None) -> None:
    assert company_key(name) == key


_NAME_PIECES = st.sampled_from(
    ["Anvil", "The", "the ", " ", "  ", ",", ".", "&", " & ", "'", "’", "-", "Co", "co.", "Inc", "Inc.", "S", "s.", "a",
     "A.", "sa", "SA", "de", "cv", "sp", "spa", "S.p.A.", "z", "oo", "AT", "T", "(", ")", "(The)", "class a", "Class B",
     "ü", "É", "ø", "9", "_", "/", "Société", "Anonyme", "gmbh", "GmbH & Co. KG", "+", "and", "株式会社"]
)  # fmt: skip


@given(st.lists(st.one_of(st.none(), st.lists(_NAME_PIECES, max_size=6).map("".join), st.text(max_size=12))))
def test_a_column_of_names_reads_as_each_name_alone(names: list[str | None]) -> None:
    given_names = [*names, "The Anvil, Inc.", "Co", "The", "anvil s.a.", "Sons' Sons", None]
    column = company_keys(pl.Series("name", given_names, dtype=pl.String))
    assert column.name == "name"
    assert column.to_list() == [company_key(name) for name in given_names]

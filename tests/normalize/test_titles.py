"""Reading of job titles: worked cases of domain.md B1, and the ways people type."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.errors import ConfigError
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.title_words import Speller
from crmsync.normalize.titles import DEPARTMENTS, READING_SCHEMA, SENIORITIES, TitleVocabulary

VOCABULARY = TitleVocabulary.load(mappings_dir() / "titles")


@pytest.fixture(scope="module")
def vocabulary() -> TitleVocabulary:
    return VOCABULARY


@pytest.mark.parametrize(
    ("title", "seniority", "department"),
    [
        ("CFO", "c_suite", "finance"),
        ("VP Procurement", "vp", "procurement"),
        ("IT Manager", "manager", "it"),
        ("Marketing Director", "director", "marketing"),
        ("CTO", "c_suite", "engineering"),
        ("Growth Ninja", "professional", "unknown"),
    ],
)
def test_worked_cases_of_b1(vocabulary: TitleVocabulary, title: str, seniority: str, department: str) -> None:
    reading = vocabulary.classify(title)
    assert (reading.seniority, reading.department) == (seniority, department)


@pytest.mark.parametrize(
    ("title", "seniority", "department"),
    [
        ("Assistant to the CEO", "professional", "administration"),
        ("Executive Assistant to the President", "professional", "administration"),
        ("Vice President", "vp", "unknown"),
        ("President", "c_suite", "general_management"),
        ("Account Executive", "professional", "sales"),
        ("Product Owner", "professional", "product"),
        ("Owner", "c_suite", "general_management"),
        ("Sales Manager, VP of Sales EMEA", "vp", "sales"),
        ("Assistant Professor", "professional", "education"),
        ("Assistant Manager", "manager", "unknown"),
        ("Marketing Manager Intern", "entry", "marketing"),
        ("Chief of Staff", "director", "general_management"),
        ("Chief Human Resources Officer", "c_suite", "hr"),
        ("Founder & CTO", "c_suite", "engineering"),
        ("Director of Sales for Healthcare IT", "director", "sales"),
        ("Former CEO", "unknown", "unknown"),
        ("CSO", "c_suite", "unknown"),
        ("FP&A Manager", "manager", "finance"),
        ("Directory Services Engineer", "professional", "engineering"),
        ("Resident Engineer", "professional", "engineering"),
    ],
)
def test_levels_belong_to_the_person_who_holds_the_title(
    vocabulary: TitleVocabulary, title: str, seniority: str, department: str
) -> None:
    reading = vocabulary.classify(title)
    assert (reading.seniority, reading.department) == (seniority, department)


@pytest.mark.parametrize(
    "typed",
    [
        "Vertriebsleiter",
        "Vertriebsleiterin",
        "VERTRIEBSLEITER",
        "Vertriebsleiter:in",
        "Vertriebsleiter*in",
        "Vertriebsleiter/-in",
        "Vertriebsleiter(in)",
        "VertriebsleiterIn",
        "Vertriebsleiter (m/w/d)",
        "Vertriebs-Leiter",
        "Leiter Vertrieb",
        "Ltr. Vertrieb",
        "Vertreibsleiter",
        "Leitung Vertrieb",
    ],
)
def test_german_forms_of_one_title_read_alike(vocabulary: TitleVocabulary, typed: str) -> None:
    reading = vocabulary.classify(typed)
    assert (reading.seniority, reading.department) == ("director", "sales")


@pytest.mark.parametrize(
    "typed",
    [
        "Directeur marketing",
        "Directrice marketing",
        "Directeur·rice marketing",
        "Directeur(rice) marketing",
        "Directeur/trice marketing",
        "DIRECTEUR MARKETING (H/F)",
        "Dir. marketing",
        "Directuer marketing",
        "Director de Marketing",
        "Directora de Marketing",
        "Director/a de Marketing",
        "Director(a) de Marketing",
        "Dir. of Marketing",
        "Marketingdirektorin",
        "Head of Marketing",
    ],
)
def test_directors_of_marketing_read_alike_in_four_languages(vocabulary: TitleVocabulary, typed: str) -> None:
    reading = vocabulary.classify(typed)
    assert (reading.seniority, reading.department) == ("director", "marketing")


@pytest.mark.parametrize(
    "typed",
    ["owner", "Founder", "President", "Managing Director", "Geschäftsführer", "Geschaeftsfuehrerin", "PDG", "Gérant"],
)
def test_heads_of_the_company_are_general_management(vocabulary: TitleVocabulary, typed: str) -> None:
    reading = vocabulary.classify(typed)
    assert (reading.seniority, reading.department) == ("c_suite", "general_management")


@pytest.mark.parametrize("typed", [None, "", "  ", "-", "n/a", "N/A", "123", "?", "x", "営業部長", "директор"])
def test_what_cannot_be_read_is_unknown(vocabulary: TitleVocabulary, typed: str | None) -> None:
    reading = vocabulary.classify(typed)
    assert (reading.seniority, reading.department, reading.evidence, reading.language) == (
        "unknown",
        "unknown",
        (),
        None,
    )


def test_evidence_names_the_words_that_decided(vocabulary: TitleVocabulary) -> None:
    assert vocabulary.classify("Senior VP, Procurement").evidence == ("vice president", "procurement")


def test_language_is_the_one_that_knows_the_words(vocabulary: TitleVocabulary) -> None:
    titles = ["Sales Manager", "Einkaufsleiterin", "Responsable achats", "Jefe de Compras"]
    assert [vocabulary.classify(title).language for title in titles] == ["en", "de", "fr", "es"]


def test_a_column_is_read_once_per_distinct_title(vocabulary: TitleVocabulary) -> None:
    frame = vocabulary.classify_unique(pl.Series(["CFO", None, "CFO", "IT Manager"]))
    assert frame.schema == READING_SCHEMA
    assert frame.rows() == [
        ("CFO", "c_suite", "finance", ["chief * officer", "chief financial officer"]),
        (None, "unknown", "unknown", []),
        ("IT Manager", "manager", "it", ["manager", "it manager"]),
    ]


def test_every_fault_of_a_vocabulary_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "en.yaml"
    path.write_text(
        "language: en\nhead: middle\n"
        "seniority:\n  directer: [head]\n  vp: [vice president]\n  manager: [vice president]\n"
        "department:\n  finance: {usal: [tax]}\n  marketting: {usual: [brand]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        TitleVocabulary.load([path])
    found = [(fault.line, fault.message) for fault in caught.value.faults]
    assert [line for line, _ in found] == [2, 4, 8, 9]
    assert "Did you mean director?" in found[1][1]
    assert "Did you mean usual?" in found[2][1]
    assert "Did you mean marketing?" in found[3][1]


def test_a_phrase_with_two_meanings_and_a_key_given_twice_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "en.yaml"
    path.write_text(
        "language: en\nseniority:\n  vp: [Vice President]\n  manager:\n    - vice president\nlanguage: de\n"
    )
    with pytest.raises(ConfigError) as caught:
        TitleVocabulary.load([path])
    assert [fault.line for fault in caught.value.faults] == [6, 5]


def test_an_abbreviation_is_one_word(tmp_path: Path) -> None:
    path = tmp_path / "en.yaml"
    path.write_text("language: en\nabbreviations:\n  vp: vice president\n  v.p.: vice president\n")
    with pytest.raises(ConfigError, match="must be one word without dots") as caught:
        TitleVocabulary.load([path])
    assert [fault.line for fault in caught.value.faults] == [4]


def test_a_missing_folder_is_one_clear_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder of title vocabularies"):
        TitleVocabulary.load(tmp_path / "titles")


def test_the_digest_changes_with_the_words(tmp_path: Path) -> None:
    path = tmp_path / "en.yaml"
    path.write_text("language: en\nseniority: {vp: [vice president]}\n")
    first = TitleVocabulary.load([path]).digest
    assert TitleVocabulary.load([path]).digest == first
    path.write_text("language: en\nseniority: {vp: [vice president, veep]}\n")
    assert TitleVocabulary.load([path]).digest != first


@given(st.text(max_size=60))
def test_any_text_reads_as_values_of_the_contract(text: str) -> None:
    reading = VOCABULARY.classify(text)
    assert reading.seniority in SENIORITIES
    assert reading.department in DEPARTMENTS
    assert reading == VOCABULARY.classify(text)


@given(st.sampled_from(["CFO", "VP Procurement", "Vertriebsleiterin", "Directrice des achats", "Jefa de Compras"]))
def test_case_and_blanks_make_no_difference(title: str) -> None:
    read = VOCABULARY.classify(title)
    for typed in (title.upper(), title.lower(), f"  {title} ", title.replace(" ", "   ")):
        assert VOCABULARY.classify(typed) == read


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("direcctor", "director"),
        ("diretor", "director"),
        ("driector", "director"),
        ("adminstrattor", "administrator"),
        ("dirextor", None),  # below ten letters no letter stands for another
        ("managed", None),
        ("vice", None),
        ("resident", None),  # the first letter must be right
        ("director", "director"),
    ],
)
def test_only_likely_slips_are_mended(typed: str, meant: str | None) -> None:
    assert Speller(["director", "manager", "administrator", "president", "voice"]).correct(typed) == meant


def test_a_slip_of_two_words_is_mended_to_neither() -> None:
    assert Speller(["painting", "printing"]).correct("pinting") is None


def test_a_word_that_some_language_knows_is_no_slip_of_another(tmp_path: Path) -> None:
    english, german = tmp_path / "en.yaml", tmp_path / "de.yaml"
    english.write_text("language: en\ndepartment: {operations: {usual: [production]}}\n")
    german.write_text("language: de\ndepartment: {other: {usual: [produktion]}}\n")
    vocabulary = TitleVocabulary.load([english, german])
    assert vocabulary.classify("Produktion").department == "other"
    assert vocabulary.classify("Production").department == "operations"


OFFICE_TITLES = """
Chief Commercial Officer|c_suite|sales
Chief of Staff to the CEO|director|general_management
Chief Technology & Product Officer|c_suite|engineering
Talent Acquisition Partner|professional|hr
Audit Partner|c_suite|finance
Acting Director|director|unknown
Regional Manager|manager|unknown
Analyst|professional|unknown
Head of Security|director|it
Security Guard|professional|other
Data Engineering Manager|manager|data
Training & Development Manager|manager|hr
IT Project Manager|manager|it
Staff Accountant|professional|finance
Staff Engineer|senior|engineering
Director Sales|director|sales
IT-Projektleiter|manager|it
Fuhrparkleiter|manager|supply_chain
Kaufm. Leitung|director|finance
Geschäftsfürer|c_suite|general_management
Großkundenbetreuer|professional|customer_success
Mitglied der Geschäftsleitung|c_suite|general_management
Assistenz der Geschäftsleitung|professional|administration
Head of Einkauf|director|procurement
Directeur général adjoint|c_suite|general_management
Directrice administrative et financière|director|finance
Membre du comité de direction|director|general_management
Assistante de direction|professional|administration
Responsable supply chain|manager|supply_chain
Chef de projet IT|manager|it
Chef d'entreprise|c_suite|general_management
Agent de sécurité|professional|other
Vice-présidente|vp|unknown
Directora Técnica|director|engineering
Gerente General|c_suite|general_management
Auditor Interno|professional|finance
Gerente de Proyectos|manager|operations
Director@ de Marketing|director|marketing
CEO y Fundador|c_suite|general_management
"""


@pytest.mark.parametrize("line", OFFICE_TITLES.strip().splitlines())
def test_titles_of_offices_that_buy_are_read_as_a_person_reads_them(vocabulary: TitleVocabulary, line: str) -> None:
    title, seniority, department = line.split("|")
    reading = vocabulary.classify(title)
    assert (reading.seniority, reading.department) == (seniority, department)

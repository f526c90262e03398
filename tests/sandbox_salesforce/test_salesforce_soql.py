"""SOQL as Salesforce reads it and answers it. Expected rows by hand; words of refusals from salesforce.md 2.6."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.salesforce import ids, select, standard
from crmsync.sandbox.salesforce.cursors import Cursors
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.queries import first_page
from crmsync.sandbox.salesforce.schema import parse_field
from crmsync.sandbox.salesforce.soql import parse
from crmsync.sandbox.salesforce.tree import Comparison, SoqlError
from crmsync.sandbox.salesforce.values import Values

USER = ids.make("005", 1)
STAMP = "2026-03-04T05:06:07.000+0000"


def make_org() -> Org:
    objects = standard.objects()
    objects["Account"].add(parse_field("Regions__c multipicklist", {}))
    objects["Account"].add(parse_field("Hidden__c string(40)", {}))
    objects["Account"].grant("Hidden__c", read=False, edit=False)
    org = Org(objects, Clock(), USER)
    org.begin()
    org.put("User", USER, _whole(org, "User", Id=USER, Name="Ann", LastName="Ann", Username="ann@example.test"))
    return org


def _whole(org: Org, name: str, **values: object) -> Values:
    blank: Values = dict.fromkeys(org.objects[name].fields)
    return blank | {"IsDeleted": False, "SystemModstamp": STAMP, "CreatedDate": STAMP} | values  # type: ignore[operator]


def account(org: Org, number: int, **values: object) -> str:
    id_ = ids.make("001", number)
    org.put("Account", id_, _whole(org, "Account", Id=id_, Name=f"A{number}", OwnerId=USER) | values)  # type: ignore[arg-type]
    return id_


def contact(org: Org, number: int, **values: object) -> str:
    id_ = ids.make("003", number)
    org.put("Contact", id_, _whole(org, "Contact", Id=id_, LastName=f"C{number}") | values)  # type: ignore[arg-type]
    return id_


@pytest.fixture
def org() -> Org:
    """Four accounts: each value twice, once in another case, and once missing."""
    org = make_org()
    account(org, 1, Industry="Banking", AnnualRevenue=5e6, NumberOfEmployees=10, Regions__c="EMEA;APAC", Site="a_b")
    account(org, 2, Industry="banking", AnnualRevenue=2e7, NumberOfEmployees=20, Regions__c="EMEA", Site="axb")
    account(org, 3, Industry="Retail", AnnualRevenue=1e8, Regions__c="AMER", Site="100%", ParentId=ids.make("001", 1))
    account(org, 4, NumberOfEmployees=40, ParentId=ids.make("001", 3), SystemModstamp="2026-03-04T05:06:07.500+0000")
    return org


def ask(org: Org, text: str, *, deleted: bool = False) -> dict[str, Any]:
    return first_page(org, Cursors(), text, "66.0", deleted=deleted)


def names(org: Org, where: str, rest: str = "ORDER BY Name") -> list[str]:
    page = ask(org, f"SELECT Name FROM Account WHERE {where} {rest}")
    return [record["Name"] for record in page["records"]]


def refused(org: Org, text: str) -> SoqlError:
    with pytest.raises(SoqlError) as caught:
        ask(org, text)
    return caught.value


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Industry = 'BANKING'", "A1 A2"),
        ("Industry != 'Banking'", "A3 A4"),
        ("Industry <> 'Banking'", "A3 A4"),
        ("Industry = null", "A4"),
        ("Industry = ''", "A4"),
        ("Industry != null", "A1 A2 A3"),
        ("Industry IN ('retail', null)", "A3 A4"),
        ("Industry NOT IN ('Retail')", "A1 A2 A4"),
        ("(NOT Industry LIKE 'b%')", "A3 A4"),
        ("Industry LIKE '%KING'", "A1 A2"),
        ("Site LIKE 'a_b'", "A1 A2"),
        (r"Site LIKE 'a\_b'", "A1"),
        (r"Site LIKE '%\%'", "A3"),
        ("AnnualRevenue < 20000000", "A1"),
        ("AnnualRevenue <= 2e7", "A1 A2"),
        ("AnnualRevenue >= 20000000.00", "A2 A3"),
        ("AnnualRevenue > 5000000 AND AnnualRevenue < 100000000", "A2"),
        ("NumberOfEmployees = 10 OR NumberOfEmployees = 40", "A1 A4"),
        ("(Industry = 'Retail' OR Industry = null) AND ParentId != null", "A3 A4"),
        ("NOT (NumberOfEmployees > 15)", "A1 A3"),
        ("Regions__c INCLUDES ('EMEA;APAC', 'AMER')", "A1 A3"),
        ("Regions__c INCLUDES ('emea')", "A1 A2"),
        ("Regions__c EXCLUDES ('EMEA')", "A3 A4"),
        ("SystemModstamp > 2026-03-04T05:06:07Z", "A4"),
        ("SystemModstamp >= 2026-03-04T06:06:07+01:00", "A1 A2 A3 A4"),
        ("SystemModstamp < 2026-03-04T05:06:07.500Z", "A1 A2 A3"),
        ("Parent.Industry = 'Banking'", "A3"),
        ("Parent.Parent.Name = 'A1'", "A4"),
        ("Parent.Name != 'A1'", "A1 A2 A4"),
        ("Parent.Owner.Name = 'Ann'", "A3 A4"),
        ("name IN ('a1', 'A2')", "A1 A2"),
        ("Account.Name = 'A1'", "A1"),
        ("IsDeleted = false", "A1 A2 A3 A4"),
        ("Id IN (SELECT ParentId FROM Account WHERE ParentId != null)", "A1 A3"),
        ("Id NOT IN (SELECT ParentId FROM Account)", "A2 A4"),
    ],
)
def test_where_finds_the_rows_that_salesforce_would(org: Org, where: str, expected: str) -> None:
    assert names(org, where) == expected.split()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("AnnualRevenue", "A4 A1 A2 A3"),
        ("AnnualRevenue DESC", "A4 A3 A2 A1"),
        ("AnnualRevenue ASC NULLS LAST", "A1 A2 A3 A4"),
        ("AnnualRevenue DESC NULLS LAST", "A3 A2 A1 A4"),
        ("Industry NULLS LAST, Name DESC", "A2 A1 A3 A4"),
        ("Parent.Name, Name", "A1 A2 A3 A4"),
        ("Name DESC LIMIT 2", "A4 A3"),
        ("Name LIMIT 2 OFFSET 3", "A4"),
        ("Name LIMIT 0", ""),
    ],
)
def test_order_puts_nulls_first_unless_told(org: Org, order: str, expected: str) -> None:
    page = ask(org, f"SELECT Name FROM Account ORDER BY {order}")
    assert [record["Name"] for record in page["records"]] == expected.split()
    assert page["totalSize"] == len(expected.split())


def test_ids_are_found_by_either_length_and_are_told_apart_by_case(org: Org) -> None:
    id18 = ids.make("001", 1)
    assert names(org, f"Id = '{id18}'") == names(org, f"Id = '{id18[:15]}'") == ["A1"]
    upper, lower = account(org, 10, Name="capital"), account(org, 36, Name="small")
    assert upper[:15].lower() == lower[:15].lower()
    assert names(org, f"Id IN ('{lower[:15]}')") == ["small"]


def test_a_record_comes_with_its_address_and_nested_parents_in_the_schemas_spelling(org: Org) -> None:
    text = "select id, NAME, parent.name, Parent.owner.Name, AnnualRevenue, SystemModstamp FROM account ORDER BY Name"
    page = ask(org, text)
    first, third = page["records"][0], page["records"][2]
    assert first["Parent"] is None
    parent_url = f"/services/data/v66.0/sobjects/Account/{ids.make('001', 1)}"
    assert third == {
        "attributes": {"type": "Account", "url": f"/services/data/v66.0/sobjects/Account/{ids.make('001', 3)}"},
        "Id": ids.make("001", 3),
        "Name": "A3",
        "Parent": {
            "attributes": {"type": "Account", "url": parent_url},
            "Name": "A1",
            "Owner": {
                "attributes": {"type": "User", "url": f"/services/data/v66.0/sobjects/User/{USER}"},
                "Name": "Ann",
            },
        },
        "AnnualRevenue": 1e8,
        "SystemModstamp": "2026-03-04T05:06:07.000+0000",
    }


def test_a_reference_to_a_record_that_is_gone_is_a_null_parent(org: Org) -> None:
    contact(org, 1, AccountId=ids.make("001", 99))
    page = ask(org, "SELECT AccountId, Account.Name FROM Contact")
    assert page["records"][0]["AccountId"] == ids.make("001", 99)
    assert page["records"][0]["Account"] is None


def test_count_is_the_total_of_a_page_without_records(org: Org) -> None:
    page = ask(org, "SELECT COUNT() FROM Account WHERE Industry = 'Banking'")
    assert page == {"totalSize": 2, "done": True, "records": []}


def test_query_hides_the_recycle_bin_and_query_all_shows_it(org: Org) -> None:
    account(org, 5, Name="gone", IsDeleted=True, MasterRecordId=ids.make("001", 1))
    text = "SELECT Name, MasterRecordId FROM Account WHERE IsDeleted = true"
    assert ask(org, text)["records"] == []
    (row,) = ask(org, text, deleted=True)["records"]
    assert (row["Name"], row["MasterRecordId"]) == ("gone", ids.make("001", 1))


def test_a_missing_field_and_a_hidden_one_are_refused_alike(org: Org) -> None:
    for name in ("Missing__c", "Hidden__c"):
        refusal = refused(org, f"SELECT {name} FROM Account")
        assert refusal.code == "INVALID_FIELD"
        assert refusal.message == (
            f"\nSELECT {name} FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such column '{name}' on entity "
            "'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom "
            "field name. Please reference your WSDL or the describe call for the appropriate names."
        )


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "Column:11\nunexpected token: 'FORM'"),
        ("SELECT Id, FROM Account", "MALFORMED_QUERY", "Column:17\nunexpected token: 'Account'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Site = 'b' OR Site = 'c'",
            "MALFORMED_QUERY",
            "Column:56\nunexpected token: 'OR'",
        ),
        ("SELECT Id FROM Account WHERE NOT Name = 'a' AND Site = 'b'", "MALFORMED_QUERY", "unexpected token: 'AND'"),
        ("SELECT Id\nFROM Territory2", "INVALID_TYPE", "\nFROM Territory2\n     ^\nERROR at Row:2:Column:6\n"
         "sObject type 'Territory2' is not supported."),
        ("SELECT Foo.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "INVALID_TYPE",
         "Didn't understand relationship 'Contacts' in FROM part of query call."),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY",
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 200", "SANDBOX_UNSUPPORTED", "name the fields"),
        ("SELECT Name FROM Account GROUP BY Name", "SANDBOX_UNSUPPORTED", "GROUP"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD",
         "value of filter criterion for field 'SystemModstamp' must be of type dateTime and should not be enclosed in "
         "quotes"),
        ("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE SystemModstamp > 2026-01-01T00:00:00 01:00", "MALFORMED_QUERY",
         "unexpected token"),  # a plus sign that was not encoded
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD",
         "field 'Name' must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int and should not"),
        ("SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("SELECT Id FROM Account WHERE Id LIKE '0%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD",
         "field 'Description' can not be filtered in a query call"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY",
         "field 'Description' can not be sorted in a query call"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Parent.Parent.Parent.Parent.Parent.Parent.Name FROM Account", "INVALID_FIELD", "more than 5 levels"),
        (f"SELECT Id FROM Account WHERE Name = '{'x' * 100_000}'", "MALFORMED_QUERY", "longer than 100000"),
        ("SELECT Id FROM Account WHERE CreatedDate = 2026-13-01T00:00:00Z", "MALFORMED_QUERY", "2026-13-01"),
    ],
)  # fmt: skip
def test_what_salesforce_refuses_is_refused_in_its_words(org: Org, text: str, code: str, said: str) -> None:
    refusal = refused(org, text)
    assert refusal.code == code
    assert said in refusal.message


def test_a_record_id_has_an_order_to_go_on_by(org: Org) -> None:
    for number in (11, 12, 13):
        account(org, number)
    assert names(org, f"Id > '{ids.make('001', 11)}' AND Id <= '{ids.make('001', 13)}'") == ["A12", "A13"]
    refusal = refused(org, f"SELECT Id FROM Account WHERE ParentId > '{ids.make('001', 11)}'")
    assert "invalid operator on reference field" in refusal.message


def test_parents_are_read_five_levels_up(org: Org) -> None:
    for number in range(11, 17):
        account(org, number, ParentId=ids.make("001", number - 1))
    account(org, 10, Name="top")
    assert names(org, "Parent.Parent.Parent.Parent.Parent.Name = 'top'") == ["A15"]


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        ("TODAY", "2026-11-23", "2026-11-24"),
        ("YESTERDAY", "2026-11-22", "2026-11-23"),
        ("LAST_N_DAYS:2", "2026-11-21", "2026-11-20"),
        ("LAST_N_DAYS:2", "2026-11-23", "2026-11-24"),
        ("NEXT_N_DAYS:2", "2026-11-25", "2026-11-26"),
        ("N_DAYS_AGO:3", "2026-11-20", "2026-11-21"),
        ("THIS_WEEK", "2026-11-22", "2026-11-21"),
        ("LAST_WEEK", "2026-11-15", "2026-11-22"),
        ("THIS_MONTH", "2026-11-30", "2026-12-01"),
        ("LAST_QUARTER", "2026-07-01", "2026-06-30"),
        ("THIS_QUARTER", "2026-12-31", "2027-01-01"),
        ("NEXT_YEAR", "2027-12-31", "2026-12-31"),
    ],
)
def test_words_for_days_are_ranges_around_monday_the_23rd_of_november_2026(
    word: str, inside: str, outside: str
) -> None:
    org = make_org()
    account(org, 1, LastActivityDate=inside, CreatedDate=f"{inside}T23:59:59.999+0000")
    account(org, 2, LastActivityDate=outside, CreatedDate=f"{outside}T00:00:00.000+0000")
    now_ms = 1_795_392_000_000  # 2026-11-23T00:00:00Z by `date -d @1795392000`
    for field in ("LastActivityDate", "CreatedDate"):
        query = parse(f"SELECT Name FROM Account WHERE {field} = {word}")
        found = select.run(query, org, deleted=False, now_ms=now_ms)
        assert found.frame["Name"].to_list() == ["A1"], field


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20))
def test_any_text_finds_itself_once_it_is_quoted(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    where = parse(f"SELECT Id FROM Account WHERE Name = '{quoted}'").where
    assert isinstance(where, Comparison)
    assert where.values[0].string == text


LEAVES = st.sampled_from(
    [
        "Industry = 'Banking'", "Industry != null", "Industry IN ('Retail', null)", "AnnualRevenue > 5000000",
        "NumberOfEmployees <= 20", "Regions__c INCLUDES ('EMEA')", "Site LIKE '%b'", "Parent.Industry = 'Banking'",
        "Parent.Name != 'A1'", "SystemModstamp > 2026-03-04T05:06:07Z", "IsDeleted = true",
    ]
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: f"(NOT ({one}))"),
        st.tuples(inner, inner).map(lambda two: f"(({two[0]}) AND ({two[1]}))"),
        st.tuples(inner, inner).map(lambda two: f"(({two[0]}) OR ({two[1]}))"),
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS, CONDITIONS)
def test_a_condition_and_its_opposite_share_the_rows_out_and_and_or_are_meet_and_join(
    org: Org, one: str, two: str
) -> None:
    def found(where: str) -> set[str]:
        return set(names(org, where))

    everybody = {"A1", "A2", "A3", "A4"}
    assert found(f"NOT ({one})") == everybody - found(one)
    assert found(f"({one}) AND ({two})") == found(one) & found(two)
    assert found(f"({one}) OR ({two})") == found(one) | found(two)

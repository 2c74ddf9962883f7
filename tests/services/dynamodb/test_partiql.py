"""PartiQL statements against a live server."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable, key_schema

AGES = {"ada": "36", "bob": "25", "cyd": "41"}


@pytest.fixture
def people(aws: Aws, make_table: MakeTable) -> str:
    """Three people of one team and one of another, with an index by age."""
    index = {"IndexName": "by-age", "KeySchema": key_schema("team", "age"), "Projection": {"ProjectionType": "ALL"}}
    table = make_table("team", "name", GlobalSecondaryIndexes=[index], types={"age": "N"})
    for name, age in AGES.items():
        item = {"team": {"S": "red"}, "name": {"S": name}, "age": {"N": age}, "tags": {"SS": ["x"]}}
        aws("dynamodb").put_item(TableName=table, Item=item | {"at": {"M": {"city": {"S": f"{name}-town"}}}})
    aws("dynamodb").put_item(TableName=table, Item={"team": {"S": "blue"}, "name": {"S": "dee"}})
    return table


def run(aws: Aws, statement: str, *parameters: Any, **options: Any) -> dict[str, Any]:
    given = {"Parameters": list(parameters)} if parameters else {}
    answer: dict[str, Any] = aws("dynamodb").execute_statement(Statement=statement, **given, **options)
    return answer


def names(answer: dict[str, Any]) -> list[str]:
    return [item["name"]["S"] for item in answer["Items"]]


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("WHERE team = 'red'", ["ada", "bob", "cyd"]),
        ("WHERE team = 'red' ORDER BY name DESC", ["cyd", "bob", "ada"]),
        ("WHERE team IN ['red', 'blue'] ORDER BY team, name DESC", ["dee", "cyd", "bob", "ada"]),
        ("WHERE team = 'red' OR team = 'blue' ORDER BY team DESC", ["ada", "bob", "cyd", "dee"]),
        ("WHERE team = 'red' AND name BETWEEN 'b' AND 'cz'", ["bob", "cyd"]),
        ("WHERE team = 'red' AND begins_with(name, 'a')", ["ada"]),
        ("WHERE team = 'red' AND (name = 'ada' OR name = 'cyd')", ["ada", "cyd"]),
        ("WHERE team = 'red' AND age > 30 AND NOT name = 'cyd'", ["ada"]),
        ("WHERE team = 'red' AND \"at\".city = 'bob-town'", ["bob"]),
        ("WHERE age IS MISSING", ["dee"]),
        ("WHERE age IS NOT MISSING AND age < 30", ["bob"]),
        ("WHERE contains(tags, 'x') AND size(name) = 3 AND name >= 'c'", ["cyd"]),
        ("WHERE attribute_type(age, 'N') AND age IN (25, 36)", ["ada", "bob"]),
        ("where team = 'red' and age <> 36;", ["bob", "cyd"]),
        ("WHERE team = 'it''s'", []),
    ],
)
def test_a_select_finds_what_its_condition_says(aws: Aws, people: str, clause: str, expected: list[str]) -> None:
    assert names(run(aws, f'SELECT * FROM "{people}" {clause}')) == expected


def test_a_select_of_an_index_reads_in_its_order(aws: Aws, people: str) -> None:
    statement = f'SELECT name, "at".city, tags[0] FROM "{people}"."by-age" WHERE team = ? AND age > ?'

    answer = run(aws, statement, {"S": "red"}, {"N": "30"})

    assert answer["Items"] == [
        {"name": {"S": "ada"}, "city": {"S": "ada-town"}},
        {"name": {"S": "cyd"}, "city": {"S": "cyd-town"}},
    ]


def test_pages_go_on_where_the_last_one_ended_across_partitions(aws: Aws, people: str) -> None:
    statement = f"SELECT * FROM \"{people}\" WHERE team IN ['red', 'blue'] AND name <> 'bob'"
    found: list[str] = []
    pages = 0
    token: dict[str, Any] = {}
    while True:
        answer = run(aws, statement, Limit=2, **token)
        found += names(answer)
        pages += 1
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
        with pytest.raises(ClientError, match="NextToken does not match request"):
            run(aws, statement + " ", **token)

    assert (found, pages) == (["ada", "cyd", "dee"], 3), "a page that is full may be followed by an empty one"


def test_an_insert_writes_every_kind_of_value_once(aws: Aws, people: str) -> None:
    statement = (
        f"INSERT INTO \"{people}\" VALUE {{'team': 'red', 'name': ?, 'n': -1.50, 'yes': true, 'nothing': null, "
        "'list': [1, 'a', {'deep': ?}], 'numbers': <<1, 2>>, 'words': <<'a'>>}"
    )

    assert run(aws, statement, {"S": "eve"}, {"B": b"raw"})["Items"] == []

    item = aws("dynamodb").get_item(TableName=people, Key={"team": {"S": "red"}, "name": {"S": "eve"}})["Item"]
    assert item == {
        "team": {"S": "red"},
        "name": {"S": "eve"},
        "n": {"N": "-1.5"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"N": "1"}, {"S": "a"}, {"M": {"deep": {"B": b"raw"}}}]},
        "numbers": {"NS": ["1", "2"]},
        "words": {"SS": ["a"]},
    }
    with pytest.raises(aws("dynamodb").exceptions.DuplicateItemException, match="Duplicate primary key exists"):
        run(aws, statement, {"S": "eve"}, {"B": b"raw"})


@pytest.mark.parametrize(
    ("changes", "returning", "expected"),
    [
        ("SET age = age + 1", "MODIFIED NEW", {"age": {"N": "37"}}),
        ("SET age = 40 REMOVE tags", "MODIFIED OLD", {"age": {"N": "36"}, "tags": {"SS": ["x"]}}),
        ("SET tags = set_add(tags, <<'y'>>)", "MODIFIED NEW", {"tags": {"SS": ["x", "y"]}}),
        ("SET tags = set_delete(tags, <<'x'>>) SET age = 1", "MODIFIED NEW", {"age": {"N": "1"}}),
        ("SET seen = [1], age = 2 - 1", "MODIFIED NEW", {"seen": {"L": [{"N": "1"}]}, "age": {"N": "1"}}),
        ("SET \"at\".zip = '1234'", "MODIFIED NEW", {"at": {"M": {"zip": {"S": "1234"}}}}),
    ],
)
def test_an_update_changes_the_item_and_returns_what_it_is_asked_for(
    aws: Aws, people: str, changes: str, returning: str, expected: dict[str, Any]
) -> None:
    statement = f"UPDATE \"{people}\" {changes} WHERE team = 'red' AND name = 'ada' RETURNING {returning} *"

    assert run(aws, statement)["Items"] == [expected]


def test_a_write_whose_condition_does_not_hold_is_refused(aws: Aws, people: str) -> None:
    where = "WHERE team = 'red' AND name = 'ada' AND age > 90"
    refused = aws("dynamodb").exceptions.ConditionalCheckFailedException

    with pytest.raises(refused) as refusal:
        run(aws, f'UPDATE "{people}" SET age = 1 {where}', ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert refusal.value.response["Item"]["age"] == {"N": "36"}
    with pytest.raises(refused):
        run(aws, f"UPDATE \"{people}\" SET age = 1 WHERE team = 'red' AND name = 'nobody'")
    with pytest.raises(refused):
        run(aws, f'DELETE FROM "{people}" {where}')


def test_a_delete_returns_the_old_item_and_succeeds_for_none(aws: Aws, people: str) -> None:
    statement = f"DELETE FROM \"{people}\" WHERE team = 'red' AND name = 'bob' RETURNING ALL OLD *"

    assert names(run(aws, statement)) == ["bob"]
    assert run(aws, statement)["Items"] == []


def test_each_statement_of_a_batch_answers_for_itself(aws: Aws, people: str) -> None:
    batch = aws("dynamodb").batch_execute_statement
    one = {"Statement": f'SELECT name FROM "{people}" WHERE team = ? AND name = ?'}

    read = batch(
        Statements=[
            one | {"Parameters": [{"S": "red"}, {"S": "ada"}]},
            one | {"Parameters": [{"S": "red"}, {"S": "nobody"}]},
            {"Statement": f"SELECT * FROM \"{people}\" WHERE team = 'red'"},
            {"Statement": "SELECT * FROM nowhere WHERE a = 1"},
            {"Statement": "SELECT"},
        ]
    )["Responses"]
    written = batch(
        Statements=[
            {"Statement": f"INSERT INTO \"{people}\" VALUE {{'team': 'red', 'name': 'ada'}}"},
            {"Statement": f"UPDATE \"{people}\" SET age = 9 WHERE team = 'red' AND name = 'bob'"},
        ]
    )["Responses"]

    assert read[0] == {"TableName": people, "Item": {"name": {"S": "ada"}}}
    assert read[1] == {"TableName": people}
    codes = [response["Error"]["Code"] for response in read[2:]]
    assert codes == ["ValidationError", "ResourceNotFound", "ValidationError"]
    assert written[0]["Error"]["Code"] == "DuplicateItem"
    assert written[1] == {"TableName": people}


def test_a_transaction_writes_all_or_nothing(aws: Aws, people: str) -> None:
    dynamodb = aws("dynamodb")
    write = [
        {"Statement": f"EXISTS(SELECT * FROM \"{people}\" WHERE team = 'red' AND name = 'ada' AND age = 36)"},
        {"Statement": f"UPDATE \"{people}\" SET age = 9 WHERE team = 'red' AND name = 'bob'"},
        {"Statement": f"DELETE FROM \"{people}\" WHERE team = 'red' AND name = 'cyd'"},
        {"Statement": f"INSERT INTO \"{people}\" VALUE {{'team': 'red', 'name': 'dee'}}"},
    ]
    read = [
        {"Statement": f"SELECT age FROM \"{people}\" WHERE team = 'red' AND name = '{name}'"} for name in ("bob", "cyd")
    ]

    assert dynamodb.execute_transaction(TransactStatements=write, ClientRequestToken="once")["Responses"] == []
    dynamodb.execute_transaction(TransactStatements=write, ClientRequestToken="once")
    with pytest.raises(ClientError) as refusal:
        dynamodb.execute_transaction(TransactStatements=write)

    answer = dynamodb.execute_transaction(TransactStatements=read)
    assert answer["Responses"] == [{"Item": {"age": {"N": "9"}}}, {}]
    reasons = [reason["Code"] for reason in refusal.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "None", "DuplicateItem"]
    with pytest.raises(ClientError, match="must be reads, or all must be writes"):
        dynamodb.execute_transaction(TransactStatements=[*read, *write])


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT", "Statement wasn't well formed, can't be processed"),
        ("SELECT * FROM T WHERE a = ", "wasn't well formed"),
        ("SELECT count(*) FROM T", "wasn't well formed"),
        ("SELECT * FROM T ORDER BY a", "Must have WHERE clause in the statement when using ORDER BY"),
        ("SELECT * FROM T WHERE age = 3 ORDER BY age", "Must have at least one non-optional hash key condition"),
        ("SELECT * FROM T WHERE team = 'a' ORDER BY age", "Variable reference age in ORDER BY clause must be part"),
        ("SELECT * FROM T WHERE team = ?", "Number of parameters in request and statement don't match"),
        ("UPDATE T SET a = 1 WHERE team = 'red'", "does not contain a mandatory equality on all key attributes"),
        ("UPDATE T SET name = 'x' WHERE team = 'red' AND name = 'ada'", "Cannot update attribute name"),
        ("INSERT INTO T VALUE {'team': 'red'}", "Missing the key name in the item"),
        ("INSERT INTO T VALUE {'team': 'red', 'name': 7}", "Type mismatch for key name"),
        ("EXISTS(SELECT * FROM T WHERE team = 'red' AND name = 'ada')", "only be used as a statement of a transaction"),
        ("SELECT * FROM nowhere", "Requested resource not found"),
        ("SELECT * FROM T WHERE " + "(" * 500 + "a = 1" + ")" * 500, "nested too deeply"),
        ("INSERT INTO T VALUE {'team': " + "[" * 500 + "]" * 500 + "}", "Nesting Levels have exceeded"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_reason(aws: Aws, people: str, statement: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        run(aws, statement.replace(" T ", f' "{people}" '))


def test_a_select_consumes_what_a_query_would(aws: Aws, people: str) -> None:
    answer = run(aws, f"SELECT * FROM \"{people}\" WHERE team = 'red'", ReturnConsumedCapacity="TOTAL")

    assert answer["ConsumedCapacity"] == {"TableName": people, "CapacityUnits": 0.5}

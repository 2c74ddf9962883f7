"""What a user of PynamoDB does. Prints "ok" at the end."""

import os
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import (
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PutError, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

HOST = os.environ["AWS_ENDPOINT_URL"]


class Address(MapAttribute):
    city = UnicodeAttribute()
    zip = UnicodeAttribute(null=True)


class ByScore(GlobalSecondaryIndex):
    class Meta:
        index_name = "by-score"
        projection = AllProjection()

    team = UnicodeAttribute(hash_key=True)
    score = NumberAttribute(range_key=True)


class ByName(LocalSecondaryIndex):
    class Meta:
        index_name = "by-name"
        projection = AllProjection()

    team = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)


class Player(Model):
    class Meta:
        table_name = "players"
        host = HOST
        region = "us-east-1"
        billing_mode = "PAY_PER_REQUEST"

    team = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    name = UnicodeAttribute()
    score = NumberAttribute(default=0)
    tags = UnicodeSetAttribute(null=True)
    address = Address(null=True)
    scores = ListAttribute(of=NumberAttribute, default=list)
    extra = JSONAttribute(null=True)
    joined = UTCDateTimeAttribute(null=True)
    expires = TTLAttribute(null=True)
    version = VersionAttribute()
    by_score = ByScore()
    by_name = ByName()


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


Player.create_table(wait=True)
assert Player.exists()
joined = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ann = Player("red", 1, name="Ann", score=10, tags={"a", "b"}, address=Address(city="Ulm"), scores=[1, 2.5],
             extra={"n": [1]}, joined=joined, expires=timedelta(days=1))  # fmt: skip
ann.save()
found = Player.get("red", 1, consistent_read=True)
assert (found.name, found.tags, found.address.city, found.scores) == ("Ann", {"a", "b"}, "Ulm", [1, 2.5])
assert (found.extra, found.joined, found.version) == ({"n": [1]}, joined, 1)

# Optimistic locking: the second writer of the same version loses.
stale = Player.get("red", 1)
found.update(
    actions=[Player.score.add(5), Player.scores.set(Player.scores.append([3])), Player.address.zip.set("89073")]
)
assert (found.score, found.version, found.address.zip) == (15, 2, "89073")
stale.name = "Other"
refused(stale.save, PutError)
refused(lambda: Player.get("red", 99), DoesNotExist)
refused(lambda: Player("red", 1, name="x").save(Player.number.does_not_exist()), PutError)

with Player.batch_write() as batch:
    for number in range(2, 60):
        batch.save(Player("red", number, name=f"P{number:02}", score=number))
assert Player.count("red") == 59
assert [p.number for p in Player.query("red", Player.number.between(3, 5))] == [3, 4, 5]
assert [p.number for p in Player.query("red", Player.number > 57, scan_index_forward=False)] == [59, 58]
assert [p.number for p in Player.query("red", filter_condition=Player.name.startswith("P0") & (Player.score > 7))] == [
    8,
    9,
]
assert [p.score for p in Player.by_score.query("red", ByScore.score >= 58)] == [58, 59]
assert next(Player.by_name.query("red", ByName.name == "P07")).number == 7
pages = Player.query("red", limit=25, page_size=10)
assert len(list(pages)) == 25
assert pages.last_evaluated_key is not None
assert len(list(Player.scan(Player.tags.contains("a")))) == 1
assert len(list(Player.batch_get([("red", number) for number in range(1, 60)]))) == 59

connection = Connection(host=HOST, region="us-east-1")
with TransactWrite(connection=connection) as write:
    write.save(Player("blue", 1, name="Bo"))
    write.update(Player.get("red", 2), actions=[Player.score.set(100)])
    write.condition_check(Player, "red", 3, condition=Player.name == "P03")
    write.delete(Player.get("red", 59))
assert (Player.get("red", 2).score, Player.count("red")) == (100, 58)


def transaction_that_fails():
    with TransactWrite(connection=connection) as write:
        write.save(Player("blue", 2, name="Cy"))
        write.condition_check(Player, "red", 3, condition=Player.name == "nobody")


reasons = refused(transaction_that_fails, TransactWriteError).cancellation_reasons
# PynamoDB sends a transaction's checks before its writes.
assert [reason and reason.code for reason in reasons] == ["ConditionalCheckFailed", None]
with TransactGet(connection=connection) as read:
    one, two = read.get(Player, "blue", 1), read.get(Player, "blue", 2)
assert one.get().name == "Bo"
refused(two.get, DoesNotExist)
Player.delete_table()
print("ok")

"""A table's stream through a function: each new value is sent on, in a group of its key."""

import asyncio
import random

from tests.crash.kind import ROLE, Client, Kind, make_table, queue_url
from tests.crash.ledger import Ledger
from tests.crash.wire import Wire
from tests.packages import zipped

# A function works the stream off more slowly than it is written: what is left has to be waited for after the kill.
PAUSE_S = 0.01
# A record comes again after a crash: its id makes the message the same one.
RELAY = """
import boto3, os
sqs = boto3.client("sqs")

def handler(event, context):
    images = [(record["eventID"], record["dynamodb"]["NewImage"]) for record in event["Records"]]
    for start in range(0, len(images), 10):
        sqs.send_message_batch(QueueUrl=os.environ["QUEUE"], Entries=[
            {"Id": str(number), "MessageBody": image["k"]["S"] + "." + image["v"]["N"],
             "MessageGroupId": image["k"]["S"], "MessageDeduplicationId": event_id}
            for number, (event_id, image) in enumerate(images[start : start + 10])
        ])
"""


async def write_streamed(wire: Wire, ledger: Ledger, rng: random.Random, name: str, *, table: str, queue: str) -> None:
    """Counts up under a few keys of this worker's own; `queue` gets `key.number` for each of them."""
    told = ledger.queues[queue]
    for number in range(1_000_000):
        key = f"{name}-{rng.randrange(3)}"
        body = f"{key}.{number}"
        told.sending.add(body)
        item = {"k": {"S": key}, "v": {"N": str(number)}}
        await wire.json("dynamodb", "PutItem", TableName=table, Item=item)
        told.sent.add(body)
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


async def write_relayed(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    await write_streamed(wire, ledger, rng, name, table="relayed", queue="relayed.fifo")


def prepare(client: Client) -> None:
    stream = make_table(client, "relayed", view="NEW_IMAGE")
    functions = client("lambda")
    functions.create_function(
        FunctionName="relay",
        Runtime="python3.11",
        Role=ROLE,
        Handler="relay.handler",
        Timeout=30,
        Code={"ZipFile": zipped({"relay.py": RELAY})},
        Environment={"Variables": {"QUEUE": queue_url("relayed.fifo")}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="relay", WaiterConfig={"Delay": 1})
    functions.create_event_source_mapping(
        FunctionName="relay", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )


KIND = Kind(workers=(write_relayed,), queues=("relayed.fifo",), prepare=prepare)

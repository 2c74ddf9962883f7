"""What authentication and authorization cost: `python -m bench.auth`.

The same signed requests by an IAM user whose policy allows them, to a server with `--auth off` and to one with
`--auth iam`, in turns; and how long a policy of 10,000 statements takes to be asked.
"""

import json
import re
import statistics
import time
from contextlib import ExitStack

from bench.load import Outcome, steady
from bench.recording import Recorder, client
from bench.servers import FOGBANK_UP, Peer, Running, running
from fogbank.core.policies import Request, read_policy

ROOT = ("AKIABENCHBENCHBENCHB", "benchbenchbenchbenchbench")
ROUNDS, SECONDS = 5, 3.0
STATEMENTS = 10_000
VARIETY = 200
HEALTH = b"GET /_fogbank/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def server(auth: str) -> Peer:
    keys = (("FOGBANK_ROOT_ACCESS_KEY_ID", ROOT[0]), ("FOGBANK_ROOT_SECRET_ACCESS_KEY", ROOT[1]))
    return Peer(f"fogbank-{auth}", "", (*FOGBANK_UP, "--sync", "process", "--auth", auth), keys, first_request=HEALTH)


def user(at: Running) -> tuple[str, str]:
    """The key of a user that may do what is measured."""
    iam = client("iam", at.endpoint, key=ROOT)
    iam.create_user(UserName="bench")
    statement = {
        "Effect": "Allow",
        "Action": ["sqs:SendMessage", "dynamodb:GetItem"],
        "Resource": ["arn:aws:sqs:*:*:bench", "arn:aws:dynamodb:*:*:table/bench"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="bench", PolicyName="bench", PolicyDocument=document)
    made = iam.create_access_key(UserName="bench")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


def requests(at: Running) -> dict[str, tuple[list[bytes], re.Pattern[bytes]]]:
    key = user(at)
    url = client("sqs", at.endpoint, key=ROOT).create_queue(QueueName="bench")["QueueUrl"]
    table = client("dynamodb", at.endpoint, key=ROOT)
    table.create_table(
        TableName="bench",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(VARIETY):
        table.put_item(TableName="bench", Item={"id": {"S": str(number)}, "text": {"S": "x" * 100}})
    sqs, dynamodb = Recorder("sqs", at.endpoint, key=key).request, Recorder("dynamodb", at.endpoint, key=key).request
    return {
        "SendMessage": (
            [sqs("send_message", QueueUrl=url, MessageBody=f"{'x' * 100}{n}") for n in range(VARIETY)],
            re.compile(b"MessageId"),
        ),
        "GetItem": (
            [dynamodb("get_item", TableName="bench", Key={"id": {"S": str(n)}}) for n in range(VARIETY)],
            re.compile(b'"Item"'),
        ),
    }


def compare() -> None:
    with ExitStack() as stack:
        servers = {auth: stack.enter_context(running(server(auth))) for auth in ("off", "iam")}
        recorded = {auth: requests(at) for auth, at in servers.items()}
        for name in ("SendMessage", "GetItem"):
            seen: dict[str, list[Outcome]] = {auth: [] for auth in servers}
            for _ in range(ROUNDS):
                for auth, at in servers.items():
                    sent, must_have = recorded[auth][name]
                    outcome = steady(at, sent, must_have, SECONDS)
                    assert not outcome.errors, outcome.first_error
                    seen[auth].append(outcome)
            rate = {auth: statistics.median(each.rate for each in found) for auth, found in seen.items()}
            cost = {auth: statistics.median(each.server_us for each in found) for auth, found in seen.items()}
            print(
                f"{name}: off {rate['off']:,.0f}/s, iam {rate['iam']:,.0f}/s "
                f"({(1 - rate['iam'] / rate['off']) * 100:.1f} % slower); processor time of the server "
                f"{cost['off']:.1f} us and {cost['iam']:.1f} us ({(cost['iam'] / cost['off'] - 1) * 100:.1f} % more)"
            )


def ask_a_large_policy() -> None:
    for kind, pattern in (
        ("an exact resource each", "arn:aws:s3:::bucket-{}/key"),
        ("a prefix each", "arn:aws:s3:::b{}/*"),
    ):
        statements = [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:Put*"], "Resource": pattern.format(number)}
            for number in range(STATEMENTS)
        ]
        began = time.perf_counter()
        policy = read_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        read_ms = (time.perf_counter() - began) * 1000
        asked = Request("arn:aws:iam::1:user/a", "s3:GetObject", pattern.format(7777).replace("*", "key"))
        began = time.perf_counter()
        policy.decide(asked)
        first_ms = (time.perf_counter() - began) * 1000
        began = time.perf_counter()
        for _ in range(1000):
            assert policy.decide(asked) is not None
        each_us = (time.perf_counter() - began) * 1000
        print(
            f"{STATEMENTS:,} statements, {kind}: read in {read_ms:.0f} ms, first asked in {first_ms:.0f} ms, "
            f"then {each_us:.1f} us"
        )


if __name__ == "__main__":
    ask_a_large_policy()
    compare()

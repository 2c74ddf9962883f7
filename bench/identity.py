"""What identity, keys and secrets cost: `python -m bench.identity --help`.

The same signed requests by an IAM user whose policy allows them, to a server with `--auth off` and to one with
`--auth iam`, in turns; how long a policy of 10,000 statements takes to be asked, in process; and operations of KMS, of
Secrets Manager and of the parameter store, beside the peers.
"""

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from botocore.exceptions import BotoCoreError, ClientError

from bench.load import Outcome, Unexpected, steady
from bench.recording import Recorder, client
from bench.servers import FOGBANK_UP, PEERS, Peer, Running, running
from bench.table import Figure, Row, keep, render
from fogbank.core.policies import Request, read_policy

ROOT = ("AKIABENCHBENCHBENCHB", "benchbenchbenchbenchbench")
ROUNDS = 5
STATEMENTS = 10_000
VARIETY = 200
PLAINTEXT = b"x" * 1024
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


Load = tuple[list[bytes], re.Pattern[bytes]]
"""Requests that take turns, and what every answer to them has."""


def requests(at: Running) -> dict[str, Load]:
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


def compare(seconds: float) -> None:
    with ExitStack() as stack:
        servers = {auth: stack.enter_context(running(server(auth))) for auth in ("off", "iam")}
        recorded = {auth: requests(at) for auth, at in servers.items()}
        for name in ("SendMessage", "GetItem"):
            seen: dict[str, list[Outcome]] = {auth: [] for auth in servers}
            for _ in range(ROUNDS):
                for auth, at in servers.items():
                    outcome = steady(at, *recorded[auth][name], seconds)
                    if outcome.errors:
                        sys.exit(f"{name} with --auth {auth}: {outcome.first_error}")
                    seen[auth].append(outcome)
            print(f"{name}, median of {ROUNDS} rounds")
            for auth, found in seen.items():
                p50, p99 = (statistics.median(each.percentile_ms(share) for each in found) for share in (0.5, 0.99))
                rate, cost = _rate(found), _cost(found)
                slower, dearer = (1 - rate / _rate(seen["off"])) * 100, (cost / _cost(seen["off"]) - 1) * 100
                print(
                    f"  --auth {auth}: {rate:,.0f} requests/s ({slower:.1f} % slower), p50 {p50:.2f} ms, "
                    f"p99 {p99:.2f} ms, {cost:.1f} us of the server ({dearer:.1f} % more)"
                )


def _rate(found: list[Outcome]) -> float:
    return statistics.median(each.rate for each in found)


def _cost(found: list[Outcome]) -> float:
    return statistics.median(each.server_us for each in found)


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


# ---- keys, secrets, parameters --------------------


def keys(at: Running) -> Iterator[tuple[str, Load]]:
    kms, record = client("kms", at.endpoint), Recorder("kms", at.endpoint).request
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = [kms.encrypt(KeyId=key, Plaintext=PLAINTEXT)["CiphertextBlob"] for _ in range(VARIETY // 10)]
    yield (
        "KMS Encrypt of 1 KB",
        ([record("encrypt", KeyId=key, Plaintext=PLAINTEXT)], re.compile(b"CiphertextBlob")),
    )
    yield (
        "KMS Decrypt of 1 KB",
        ([record("decrypt", CiphertextBlob=each) for each in sealed], re.compile(b"Plaintext")),
    )
    yield (
        "KMS GenerateDataKey",
        ([record("generate_data_key", KeyId=key, KeySpec="AES_256")], re.compile(b"CiphertextBlob")),
    )
    for spec, algorithm in (("RSA_2048", "RSASSA_PSS_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256")):
        signing = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        signed = record("sign", KeyId=signing, Message=PLAINTEXT, SigningAlgorithm=algorithm)
        yield f"KMS Sign, {spec}", ([signed], re.compile(b'"Signature"'))


def secrets(at: Running) -> Iterator[tuple[str, Load]]:
    made, record = client("secretsmanager", at.endpoint), Recorder("secretsmanager", at.endpoint).request
    names = [f"bench/{number}" for number in range(VARIETY // 10)]
    for name in names:
        made.create_secret(Name=name, SecretString="{}")
    yield "GetSecretValue", ([record("get_secret_value", SecretId=name) for name in names], re.compile(b"SecretString"))


def parameters(at: Running) -> Iterator[tuple[str, Load]]:
    ssm, record = client("ssm", at.endpoint), Recorder("ssm", at.endpoint).request
    for kind in ("String", "SecureString"):
        names = [f"/bench/{kind}/{number}" for number in range(VARIETY // 10)]
        for name in names:
            ssm.put_parameter(Name=name, Value="as it was put", Type=kind)
        asked = [record("get_parameter", Name=name, WithDecryption=True) for name in names]
        yield f"GetParameter, {kind}", (asked, re.compile(b"as it was put"))


def beside_peers(peers: list[Peer], seconds: float) -> bool:
    """Print the table; whether all of Fogbank's answers were as they have to be."""
    rows: dict[str, Row] = {}
    right = True
    for peer in peers:
        print(f"{peer.label} ...", file=sys.stderr)
        with running(peer) as at:
            for what, loads in (("KMS Sign", keys), ("GetSecretValue", secrets), ("GetParameter", parameters)):
                try:
                    for name, load in loads(at):
                        for figure in _figures(name, steady(at, *load, seconds)):
                            keep(rows, peer.name, figure)
                except (ClientError, BotoCoreError, Unexpected) as error:
                    keep(rows, peer.name, Figure(what, "", None, str(error)[:120]))
                    right = right and not peer.ours
    print(render(list(rows.values()), [(peer.name, peer.label) for peer in peers]))
    return right


def _figures(name: str, outcome: Outcome) -> Iterator[Figure]:
    if outcome.errors:
        raise Unexpected(f"{name}: {outcome.first_error}")
    yield Figure(name, "requests/s", outcome.rate, higher_is_better=True)
    yield Figure(f"{name}, processor time of the server", "us", outcome.server_us)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short loads: whether it works, not how well")
    names = ("fogbank", "ministack", "moto")
    parser.add_argument("--peers", nargs="+", choices=names, default=names, help="for keys, secrets and parameters")
    options = parser.parse_args()
    ask_a_large_policy()
    compare(0.3 if options.quick else 1.2)
    peers = [peer for peer in PEERS if peer.name in options.peers]
    if not beside_peers(peers, 0.3 if options.quick else 1.0):
        sys.exit("some of Fogbank's answers were no successes")


if __name__ == "__main__":
    main()

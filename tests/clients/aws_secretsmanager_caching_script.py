"""What a user of AWS's caching client for Secrets Manager does. Prints "ok" at the end."""

import json
import time

import botocore.session
from aws_secretsmanager_caching import InjectKeywordedSecretString, InjectSecretString, SecretCache, SecretCacheConfig

manager = botocore.session.get_session().create_client("secretsmanager")
manager.create_secret(Name="app/db", SecretString=json.dumps({"user": "admin", "password": "1"}))
manager.create_secret(Name="app/key", SecretBinary=b"\x00\xff")

config = SecretCacheConfig(secret_refresh_interval=4)
cache = SecretCache(config=config, client=manager)
assert json.loads(cache.get_secret_string("app/db"))["password"] == "1"
assert cache.get_secret_binary("app/key") == b"\x00\xff"


@InjectSecretString("app/db", cache)
def whole(secret: str, more: str) -> tuple[str, str]:
    return secret, more


@InjectKeywordedSecretString("app/db", cache, user="user", word="password")
def parts(more: str, *, user: str, word: str) -> tuple[str, str, str]:
    return more, user, word


assert json.loads(whole("x")[0])["user"] == "admin"
assert parts("x") == ("x", "admin", "1")

manager.put_secret_value(SecretId="app/db", SecretString=json.dumps({"user": "admin", "password": "2"}))
assert json.loads(cache.get_secret_string("app/db"))["password"] == "1", "what is cached is not asked for again"
until = time.monotonic() + 30
while json.loads(cache.get_secret_string("app/db"))["password"] != "2":
    assert time.monotonic() < until, "the new value is never fetched"
    time.sleep(0.2)
assert json.loads(cache.get_secret_string("app/db", version_stage="AWSPREVIOUS"))["password"] == "1"
try:
    cache.get_secret_string("app/nothing")
except manager.exceptions.ResourceNotFoundException:
    print("ok")

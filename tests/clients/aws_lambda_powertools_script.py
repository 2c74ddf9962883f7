"""What a user of Powertools' parameters does. Prints "ok" at the end."""

import json

import boto3
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

ssm, manager = boto3.client("ssm"), boto3.client("secretsmanager")
ssm.put_parameter(Name="/app/mode", Value="strict", Type="String")
ssm.put_parameter(Name="/app/limits/json", Value='{"most": 5}', Type="String")
ssm.put_parameter(Name="/app/password", Value="hush", Type="SecureString")

assert parameters.get_parameter("/app/mode") == "strict"
assert parameters.get_parameter("/app/password", decrypt=True) == "hush"
assert parameters.get_parameter("/app/limits/json", transform="json") == {"most": 5}
assert parameters.get_parameters("/app", decrypt=True) == {
    "mode": "strict",
    "limits/json": '{"most": 5}',
    "password": "hush",
}
assert parameters.get_parameters("/app", recursive=False, force_fetch=True) == {"mode": "strict"} | {
    "password": ssm.get_parameter(Name="/app/password")["Parameter"]["Value"]
}
by_name = parameters.get_parameters_by_name(
    {"/app/password": {"decrypt": True}, "/app/mode": {}, "/app/nothing": {}}, raise_on_error=False
)
assert by_name == {"/app/password": "hush", "/app/mode": "strict", "_errors": ["/app/nothing"]}

assert parameters.set_parameter("/app/mode", "lax", overwrite=True)["Version"] == 2
assert parameters.get_parameter("/app/mode") == "strict", "what is cached is not asked for again"
assert parameters.get_parameter("/app/mode", force_fetch=True) == "lax"
assert parameters.get_parameter("/app/mode:1") == "strict"

version = parameters.set_secret("app/db", {"user": "admin"})["VersionId"]
assert parameters.get_secret("app/db", transform="json") == {"user": "admin"}
assert parameters.set_secret("app/db", json.dumps({"user": "other"}))["VersionId"] != version
assert parameters.get_secret("app/db", transform="json", force_fetch=True) == {"user": "other"}
assert parameters.get_secret("app/db", transform="json", force_fetch=True, VersionId=version) == {"user": "admin"}
try:
    parameters.get_secret("app/nothing")
except GetParameterError:
    print("ok")

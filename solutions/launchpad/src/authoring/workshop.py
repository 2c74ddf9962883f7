"""Tenants' functions in their account: made, changed, tried and removed there, as a role of that account.

A function's name begins with its tenant's, its tags name tenant and snippet, and requests go to its alias `live`, which
moves to the next version when that is ready.
"""

import os
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

ALIAS = "live"
RENEW_BEFORE_S = 300

sts = boto3.client("sts")


def function_name(tenant: str, name: str) -> str:
    return f"{os.environ['PREFIX']}-{tenant}-{name}"


class Workshop:
    """Lambda in the functions' account."""

    def __init__(self) -> None:
        self._until_s = 0.0
        self._lambda: Any = None

    @property
    def functions(self) -> Any:
        if time.time() > self._until_s - RENEW_BEFORE_S:
            session = sts.assume_role(
                RoleArn=os.environ["AUTHOR_ROLE"],
                RoleSessionName="authoring",
                ExternalId=os.environ["EXTERNAL_ID"],
            )["Credentials"]
            self._until_s = session["Expiration"].timestamp()
            self._lambda = boto3.client(
                "lambda",
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )
        return self._lambda

    def create(self, tenant: str, name: str, defined: dict[str, Any], code: bytes) -> str:
        """The function's ARN, its alias included."""
        function = function_name(tenant, name)
        made = self.functions.create_function(
            FunctionName=function,
            Runtime="python3.12",
            Code={"ZipFile": code},
            Publish=True,
            Tags={"tenant": tenant, "snippet": name, "fogbank:untrusted": "true"},
            **self._settings(tenant, name, defined),
        )
        self.functions.get_waiter("published_version_active").wait(
            FunctionName=function, Qualifier=made["Version"], WaiterConfig={"Delay": 1}
        )
        alias = self.functions.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion=made["Version"])
        return str(alias["AliasArn"])

    def update(self, tenant: str, name: str, defined: dict[str, Any], code: bytes) -> None:
        function = function_name(tenant, name)
        settled = self.functions.get_waiter("function_updated_v2")
        self.functions.update_function_configuration(FunctionName=function, **self._settings(tenant, name, defined))
        settled.wait(FunctionName=function, WaiterConfig={"Delay": 1})
        made = self.functions.update_function_code(FunctionName=function, ZipFile=code)
        settled.wait(FunctionName=function, WaiterConfig={"Delay": 1})
        version = self.functions.publish_version(FunctionName=function, CodeSha256=made["CodeSha256"])["Version"]
        self.functions.get_waiter("published_version_active").wait(
            FunctionName=function, Qualifier=version, WaiterConfig={"Delay": 1}
        )
        self.functions.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)

    def delete(self, tenant: str, name: str) -> None:
        try:
            self.functions.delete_function(FunctionName=function_name(tenant, name))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def _settings(self, tenant: str, name: str, defined: dict[str, Any]) -> dict[str, Any]:
        roles = {"log": os.environ["FUNCTION_ROLE"], "nothing": os.environ["DENIED_ROLE"]}
        return {
            "Role": roles[defined["rights"]],
            "Handler": "launchpad.handler",
            "Layers": [self._vendor_layer()],
            "MemorySize": defined["memory_mb"],
            "Timeout": defined["timeout_s"],
            "Environment": {"Variables": {"SNIPPET_HANDLER": defined["handler"], "TENANT": tenant, "SNIPPET": name}},
            "LoggingConfig": {"LogGroup": os.environ["FUNCTION_LOGS"]},
        }

    def _vendor_layer(self) -> str:
        """The layer's newest version: a function has it from its next update on."""
        versions = self.functions.list_layer_versions(LayerName=os.environ["VENDOR_LAYER"], MaxItems=1)
        return str(versions["LayerVersions"][0]["LayerVersionArn"])

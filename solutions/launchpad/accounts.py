"""The two accounts as the driver sees them: the platform's stack, and that of the functions."""

import contextlib
import io
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from driving.stack import CAPABILITIES, outputs, set_parameters

HERE = Path(__file__).parent
# The role that AWS Organizations makes in a new account for the one that made it.
ACCESS_ROLE = "OrganizationAccountAccessRole"
WAITING = {"Delay": 1, "MaxAttempts": 300}
POLL_S = 0.5


class Account:
    """Clients of one account."""

    def __init__(self, session: "boto3.Session") -> None:
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service, config=Config(retries={"mode": "standard", "max_attempts": 8}, read_timeout=60)
            )
        return self._clients[service]

    def outputs(self, stack: str) -> dict[str, str]:
        return outputs(self.client("cloudformation"), stack)


class Platform(Account):
    """The platform's account and its stack."""

    def __init__(self, stack: str) -> None:
        region = os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        super().__init__(boto3.Session(region_name=region))
        self.stack = stack
        self.region = region
        self.out = self.outputs(stack)

    @property
    def admin_secret(self) -> str:
        found = self.client("secretsmanager").get_secret_value(SecretId=self.out["AdminSecret"])
        return str(found["SecretString"])

    def functions_account(self, account: str = "") -> Account:
        """The other account, entered as the organization's management account enters any of its own.

        If none is named it is the organization's account with the stack's name, which is made if it is not there.
        """
        account = account or self._member_account()
        if account != self.out["FunctionsAccount"]:
            set_parameters(self.client("cloudformation"), self.stack, FunctionsAccount=account)
            self.out = self.outputs(self.stack)
        session = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{ACCESS_ROLE}", RoleSessionName="launchpad-driver"
        )["Credentials"]
        return Account(
            boto3.Session(
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
                region_name=self.region,
            )
        )

    def _member_account(self) -> str:
        organizations = self.client("organizations")
        with contextlib.suppress(organizations.exceptions.AlreadyInOrganizationException):
            organizations.create_organization(FeatureSet="ALL")
        name = f"{self.stack}-functions"
        pages = organizations.get_paginator("list_accounts").paginate()
        for account in (account for page in pages for account in page["Accounts"]):
            if account["Name"] == name and account["Status"] == "ACTIVE":
                return str(account["Id"])
        made = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        while made["State"] == "IN_PROGRESS":
            time.sleep(POLL_S)
            made = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])[
                "CreateAccountStatus"
            ]
        if made["State"] != "SUCCEEDED":
            raise RuntimeError(f"the account {name} was not made: {made.get('FailureReason')}")
        return str(made["AccountId"])


def deploy_functions_account(platform: Platform, functions: Account) -> None:
    """functions.yaml in the functions' account, as `sam deploy` would do it there."""
    cloudformation = functions.client("cloudformation")
    stack = f"{platform.stack}-functions"
    request = {
        "StackName": stack,
        "TemplateBody": _packaged(functions, platform),
        "Capabilities": CAPABILITIES,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in (
                ("Platform", platform.stack),
                ("AuthoringRole", platform.out["AuthoringRole"]),
                ("RuntimeRole", platform.out["RuntimeRole"]),
                ("ExternalId", platform.out["ExternalId"]),
                ("Sink", platform.out["Sink"]),
            )
        ],
    }
    try:
        cloudformation.create_stack(**request)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=WAITING)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in error.response["Error"]["Message"]:
                raise
            return
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=WAITING)


def _packaged(functions: Account, platform: Platform) -> str:
    """The template, its layer in a bucket of that account."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w", zipfile.ZIP_DEFLATED) as archive:
        source = HERE / "src" / "vendor"
        for file in sorted(source.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(str(file.relative_to(source)), (1980, 1, 1, 0, 0, 0)), file.read_bytes())
    account = functions.client("sts").get_caller_identity()["Account"]
    bucket = f"{platform.stack}-artifacts-{account}-{platform.region}"
    place = (
        {} if platform.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": platform.region}}
    )
    s3 = functions.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, **place)
    s3.put_object(Bucket=bucket, Key="vendor.zip", Body=layer.getvalue())
    template = (HERE / "functions.yaml").read_text()
    return template.replace("ContentUri: src/vendor/", f"ContentUri: s3://{bucket}/vendor.zip")

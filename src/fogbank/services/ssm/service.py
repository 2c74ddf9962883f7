"""Systems Manager: the parameter store, as far as deployments need it."""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.service import Answer, Service
from fogbank.core.store import Record


class ParameterNotFound(AwsError):
    code = "ParameterNotFound"


class ParameterAlreadyExists(AwsError):
    code = "ParameterAlreadyExists"
    message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."


class Parameter(Record):
    name: str
    type: str
    value: str
    version: int
    modified_ms: int


class SsmService(Service):
    """String parameters. NotImplemented: everything else, such as SecureString, history, labels, policies, tags."""

    name = "ssm"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.parameters = cloud.store.table("ssm.parameters", key=(str, str, str), value=Parameter)

    def delete_parameter(self, ctx: Context, *, Name: str) -> Answer:
        if not self.parameters.delete((ctx.account, ctx.region, Name)):
            raise ParameterNotFound(f"Parameter {Name} not found.")
        return {}

    def get_parameter(self, ctx: Context, *, Name: str, WithDecryption: bool = False) -> Answer:
        found = self.parameters.get((ctx.account, ctx.region, Name))
        if found is None:
            raise ParameterNotFound(f"Parameter {Name} not found.")
        return {"Parameter": _answer(ctx, found)}

    def get_parameters(self, ctx: Context, *, Names: list[str], WithDecryption: bool = False) -> Answer:
        found = {name: self.parameters.get((ctx.account, ctx.region, name)) for name in Names}
        return {
            "Parameters": [_answer(ctx, row) for row in found.values() if row is not None],
            "InvalidParameters": [name for name, row in found.items() if row is None],
        }

    def get_parameters_by_path(
        self, ctx: Context, *, Path: str, Recursive: bool = False, WithDecryption: bool = False
    ) -> Answer:
        folder = Path.rstrip("/") + "/"
        return {
            "Parameters": [
                _answer(ctx, row)
                for _, row in self.parameters.scan((ctx.account, ctx.region))
                if row.name.startswith(folder) and (Recursive or "/" not in row.name[len(folder) :])
            ]
        }

    def put_parameter(
        self, ctx: Context, *, Name: str, Value: str, Type: str = "String", Overwrite: bool = False
    ) -> Answer:
        if Type == "SecureString":
            raise NotImplementedInFogbank("SecureString parameters are not implemented by Fogbank.")
        key = (ctx.account, ctx.region, Name)
        found = self.parameters.get(key)
        if found is not None and not Overwrite:
            raise ParameterAlreadyExists()
        version = found.version + 1 if found else 1
        self.parameters.put(key, Parameter(name=Name, type=Type, value=Value, version=version, modified_ms=ctx.now_ms))
        return {"Version": version, "Tier": "Standard"}


def _answer(ctx: Context, found: Parameter) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Type": found.type,
        "Value": found.value,
        "Version": found.version,
        "LastModifiedDate": found.modified_ms / 1000,
        "ARN": ctx.arn("ssm", f"parameter/{found.name.lstrip('/')}"),
        "DataType": "text",
    }

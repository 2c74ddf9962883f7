"""No parameter of an operation is taken and then forgotten."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from fogbank.services import SERVICES
from fogbank.wire.model import ServiceModel

WITHOUT_EFFECT = {
    "AllowForceDelete": "DeleteDeliveryStream: for KMS grants that cannot be retired, and there are none",
    "AuditContext": "is for the records of Lake Formation, which there are none of",
    "ChecksumAlgorithm": "S3's bodies are checked as they arrive",
    "ContentLength": "S3's bodies are counted as they arrive",
    "ContentMD5": "S3's bodies are checked as they arrive",
    "ExternalId": "for the role's trust policy, which is asked before the operation",
    "IamUserAccessToBilling": "CreateAccount: nobody is billed",
    "RequestPayer": "says who pays, and nobody does",
    "ScalingType": "has one value",
    "Token": "PutObjectLockConfiguration: what AWS Support gave out when buckets could not be changed without it",
    "force": "DeleteRepository: there are no images that it would be needed for",
    "interleaved": "has had no effect on AWS since 2019",
    "unmask": "GetLogRecord: there are no data protection policies, so nothing is masked",
    "sequenceToken": "has had no effect on AWS since 2023",
}


def operations(package: str) -> Iterator[Callable[..., Any]]:
    module = import_module(SERVICES[package].module)
    (service,) = (getattr(module, name) for name in module.__all__)
    model = ServiceModel.load(SERVICES[package].model)
    for name in model.operations:
        method = getattr(service, model.xform(name), None)
        if method is not None:
            yield method


def unused(operation: Callable[..., Any]) -> set[str]:
    """The keyword-only parameters that the operation's body does not name."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(operation))).body
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    named = {node.id for line in function.body for node in ast.walk(line) if isinstance(node, ast.Name)}
    return {parameter.arg for parameter in function.args.kwonlyargs} - named


@pytest.mark.parametrize("package", sorted(SERVICES))
def test_every_parameter_that_is_taken_is_used_or_known_to_mean_nothing(package: str) -> None:
    found = {operation.__name__: unused(operation) - WITHOUT_EFFECT.keys() for operation in operations(package)}
    assert {name: parameters for name, parameters in found.items() if parameters} == {}

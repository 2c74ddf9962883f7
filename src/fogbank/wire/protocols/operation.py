"""What every protocol gives the gateway: an operation that parses requests and serializes answers."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from fogbank.core.errors import AwsError
from fogbank.wire.errors import ConstraintViolated
from fogbank.wire.model import OperationModel, ServiceModel, Shape
from fogbank.wire.parse_typed import typed
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.validate import Violations


class CompiledOperation:
    """One operation in one protocol, compiled once. A subclass per protocol."""

    constraint_code: ClassVar[str] = "ValidationException"
    """The code of a violated constraint of the model."""

    def __init__(
        self, service: ServiceModel, operation: OperationModel, *, validates: bool, raw_shapes: frozenset[str]
    ) -> None:
        self.service = service
        self.operation = operation
        self.validates = validates
        self.raw_shapes = raw_shapes
        self.members: tuple[str, ...] = ()
        """The parameters that the model knows."""
        self.streaming_input = operation.streaming_input
        self.refusal: Callable[[str, dict[str, Any]], AwsError | None] = lambda sentence, parameters: None
        """The service's own error for violated constraints, if it has one."""
        self._checked_type: Any = None
        if operation.input is not None:
            self.members = tuple(service.shapes[operation.input.shape].members)
            self._checked_type = typed(service, operation.input.shape, validates=validates, raw_shapes=raw_shapes)

    def parse(self, request: RequestData) -> dict[str, Any]:
        """The parameters of a request, checked, by AWS's names. Raises `AwsError`."""
        raise NotImplementedError

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        """The response to a request that succeeded."""
        raise NotImplementedError

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        """The response to a request that failed."""
        raise NotImplementedError

    def refuse(self, violations: Violations) -> AwsError:
        """The error for violated constraints."""
        sentence = violations.sentence()
        refusal = self.refusal(sentence, violations.parameters)
        return refusal or ConstraintViolated(sentence, code=self.constraint_code)

    def check(self, value: dict[str, Any]) -> dict[str, Any]:
        """Checks parameters that were read from something else than JSON."""
        if self.operation.input is None:
            return value
        if self._checked_type is not None:
            try:
                msgspec.convert(value, self._checked_type, builtin_types=(bytes,))
            except (msgspec.ValidationError, RecursionError):
                pass
            else:
                return value
        violations = Violations(self.service, validates=self.validates, raw_shapes=self.raw_shapes)
        violations.check_all(self.operation.input.shape, value)
        if violations.found:
            raise self.refuse(violations)
        return value

    @property
    def input_shape(self) -> Shape | None:
        return None if self.operation.input is None else self.service.shapes[self.operation.input.shape]

    @property
    def output_shape(self) -> Shape | None:
        return None if self.operation.output is None else self.service.shapes[self.operation.output.shape]


def error_shape(service: ServiceModel, error: AwsError) -> tuple[str, Shape | None]:
    """The name and shape that the model has for an error; its own code if the model does not know it."""
    name, shape = service.error_shapes.get(error.code, (error.code, None))
    return name, shape


def message_key(shape: Shape | None, default: str = "message") -> str:
    """How an error shape spells its message: services disagree, and some SDKs look for just one."""
    if shape is not None:
        for name, ref in shape.members.items():
            if name.lower() == "message":
                return ref.location_name or name
    return default

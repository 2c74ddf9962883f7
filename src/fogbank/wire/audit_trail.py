"""What of the requests goes into the audit record."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fogbank.core.audit import Audit, Reason, entry
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Service
from fogbank.wire.model import Ref, ServiceModel, refs_of

if TYPE_CHECKING:
    from fogbank.core.authorizer import Asked
    from fogbank.wire.guard import GuardedOperation

# CloudTrail's readOnly; AssumeRole and its relatives change nothing, either.
_READING = (
    "AssumeRole", "BatchGet", "Check", "Decode", "Decrypt", "Describe", "Encrypt", "Estimate", "Filter",
    "GenerateDataKey", "GenerateMac", "GenerateRandom", "Get", "Head", "List", "Lookup", "Preview", "Query",
    "ReEncrypt", "Scan", "Search", "Select", "Simulate", "Test", "Validate", "VerifyMac",
)  # fmt: skip
_READING_EXACTLY = frozenset(("Sign", "Verify"))


def audited_operation(
    audit: Audit, service: Service, model: ServiceModel, name: str, guarded: "GuardedOperation | None"
) -> "AuditedOperation | None":
    """How an operation is recorded; None if it never is: operations on data without need, and what is in no model."""
    data = name in service.data_operations
    if name not in model.operations or (data and guarded is None and not audit.everything):
        return None
    return AuditedOperation(audit, service, model, name, data=data, guarded=guarded)


class AuditedOperation:
    """One operation and what may be told of it."""

    def __init__(
        self,
        audit: Audit,
        service: Service,
        model: ServiceModel,
        name: str,
        *,
        data: bool,
        guarded: "GuardedOperation | None",
    ) -> None:
        self.audit = audit
        self.service = service
        self.name = name
        self.data = data
        self.read_only = name.startswith(_READING) or name in _READING_EXACTLY
        self.guarded = guarded
        self._model = model
        self.always = not data or audit.everything
        """Whether it is recorded even if nothing denies it."""

    def failed(self, ctx: Context, parameters: Mapping[str, Any], error: Exception, told: "Told | None") -> None:
        """Record a request that came to nothing. A caller who is not known is not recorded, as on AWS."""
        denied: Sequence[Asked] = getattr(error, "asked", ())
        if told is not None or denied or (self.always and (self.guarded is None or ctx.identity is not None)):
            (told or Told(self, ctx, parameters, denied)).failed(error)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The members whose values the model calls sensitive, or the service secret."""
        operation = self._model.operations[self.name]
        seen: set[str] = set()
        waiting = [ref.shape for ref in (operation.input, operation.output) if ref is not None]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            shape = self._model.shapes[name]
            found |= {member for member, ref in shape.members.items() if self._is_sensitive(ref)}
            waiting += [ref.shape for ref in refs_of(shape)]
        return frozenset(found) | self.service.secret_members.get(self.name, frozenset())

    def _is_sensitive(self, ref: Ref) -> bool:
        """The shape itself, or what a list or a map of them is made of."""
        shape = self._model.shapes[ref.shape]
        inner = (shape.member, shape.value)
        return shape.sensitive or any(self._model.shapes[one.shape].sensitive for one in inner if one is not None)


class Told:
    """One request, to be recorded with its outcome."""

    __slots__ = ("_asked", "_ctx", "_operation", "_parameters")

    def __init__(
        self, operation: AuditedOperation, ctx: Context, parameters: Mapping[str, Any], asked: "Sequence[Asked]"
    ) -> None:
        self._operation = operation
        self._ctx = ctx
        self._parameters = parameters
        self._asked = asked

    def succeeded(self, answer: dict[str, Any] | None, *, at_once: bool) -> None:
        """`at_once`: in the current transaction, if the operation changes something."""
        changes = not self._operation.read_only
        self._record(answer if changes else None, "", "", at_once=at_once and changes)

    def failed(self, error: Exception) -> None:
        code, message = (error.code, error.message) if isinstance(error, AwsError) else ("InternalFailure", "")
        self._record(None, code, message, at_once=False)

    def _record(self, answer: dict[str, Any] | None, error: str, message: str, *, at_once: bool) -> None:
        operation = self._operation
        made = entry(
            self._ctx,
            service=operation.service.name,
            operation=operation.name,
            read_only=operation.read_only,
            data=operation.data,
            parameters=self._parameters,
            answer=answer,
            error=error,
            error_message=message,
            hidden=operation.hidden,
            resources=list(dict.fromkeys(asked.resource for asked in self._asked if asked.resource != "*")),
            reasons=[_reason(asked) for asked in self._asked],
        )
        add = operation.audit.add if at_once else operation.audit.add_later
        add(self._ctx, made)


def _reason(asked: "Asked") -> Reason:
    verdict = asked.verdict
    return Reason(
        action=asked.action,
        resource=asked.resource,
        allowed=verdict.allowed,
        explicit=verdict.explicit,
        layer=verdict.layer.value if verdict.layer is not None else "",
        statements=[f"{one.source}#{one.statement.sid or one.statement.number}" for one in verdict.matches],
    )

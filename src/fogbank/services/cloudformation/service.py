"""AWS CloudFormation. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html"""

from fogbank.core.context import Context
from fogbank.services.cloudformation import callbacks, custom_resources, wait_conditions
from fogbank.services.cloudformation.change_sets import ChangeSets
from fogbank.services.cloudformation.descriptions import Descriptions
from fogbank.services.cloudformation.stacks import Stacks
from fogbank.services.cloudformation.templates import Templates


class CloudFormationService(Stacks, ChangeSets, Descriptions, Templates):
    """Stacks, nested stacks, change sets, custom resources, wait conditions and macros.

    NotImplemented: stack sets, drift, imports of resources, hooks, modules, the registry of types, generated
    templates, refactoring, cost estimates. Nothing is imported: with ImportExistingResources, too, a resource that is
    there already fails the stack. What a stack may do is in rights.py.
    """

    # Which parameters are not to be echoed only their templates say.
    secret_members = dict.fromkeys(("CreateStack", "UpdateStack", "CreateChangeSet"), frozenset(("ParameterValue",)))

    def accept(self, ctx: Context, path: str, query: str, body: bytes) -> None:
        """A PUT to one of our signed URLs (see callbacks.py), in a transaction."""
        kind, token = callbacks.verify(self.tables, path, query, now_ms=ctx.now_ms)
        if kind == custom_resources.KIND:
            self.cloud.store.after_commit(lambda: self.responses.put(token, body))
        elif kind == wait_conditions.KIND:
            stack_id, _, handle = token.partition("|")
            unique_id, signal = wait_conditions.signal(body)
            self.signals.put(stack_id, handle, unique_id, signal)
            self.cloud.store.after_commit(lambda: self.signals.wake(stack_id, handle))
        else:
            raise callbacks.Forbidden

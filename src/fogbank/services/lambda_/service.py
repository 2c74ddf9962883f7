"""AWS Lambda."""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.scaling import Dimension
from fogbank.engines.compute.choice import make_engine
from fogbank.services.lambda_.async_invoke import AsyncInvoker
from fogbank.services.lambda_.code import CodeCache
from fogbank.services.lambda_.code_signing import CodeSigningRules
from fogbank.services.lambda_.concurrency import Concurrency
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.mappings import Mappings
from fogbank.services.lambda_.names import parse_name
from fogbank.services.lambda_.operations.code_signing import CodeSigningOperations
from fogbank.services.lambda_.operations.functions import FunctionOperations
from fogbank.services.lambda_.operations.invocations import InvocationOperations
from fogbank.services.lambda_.operations.invoke_configs import InvokeConfigOperations
from fogbank.services.lambda_.operations.layers import LayerOperations
from fogbank.services.lambda_.operations.mappings import MappingOperations
from fogbank.services.lambda_.operations.policies import PolicyOperations
from fogbank.services.lambda_.operations.provisioned import ProvisionedOperations
from fogbank.services.lambda_.operations.recursion import RecursionOperations
from fogbank.services.lambda_.operations.runtime_management import RuntimeManagementOperations
from fogbank.services.lambda_.operations.settings import SettingOperations
from fogbank.services.lambda_.operations.urls import UrlOperations
from fogbank.services.lambda_.operations.versions import VersionOperations
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.pollers import Pollers
from fogbank.services.lambda_.provisioning import Provisioning
from fogbank.services.lambda_.records import Tables
from fogbank.services.lambda_.resource_facts import ResourceFacts
from fogbank.services.lambda_.scaling import ProvisionedConcurrency
from fogbank.services.lambda_.sentences import reworded
from fogbank.services.lambda_.tags import Tags
from fogbank.services.lambda_.urls.configs import Urls
from fogbank.services.lambda_.urls.door import Door

EXPIRE_EVERY_S = 30


class LambdaService(
    InvocationOperations,
    FunctionOperations,
    VersionOperations,
    SettingOperations,
    PolicyOperations,
    ProvisionedOperations,
    InvokeConfigOperations,
    LayerOperations,
    MappingOperations,
    UrlOperations,
    CodeSigningOperations,
    RecursionOperations,
    RuntimeManagementOperations,
    ResourceFacts,
    Tags,
):
    """Functions from zip packages for Python, Node.js, Java and OS-only runtimes, run as processes behind
    the real Runtime API.

    Covers functions, versions, aliases, layers and their policies, tags, permissions, concurrency, event invoke
    configurations, Invoke (synchronous, asynchronous, dry run, streaming), function URLs, code signing, and event
    source mappings of SQS, DynamoDB streams and Kinesis.
    NotImplemented: container images, VPC, file systems, durable functions, capacity
    providers, other event sources.
    """

    name = "lambda"
    data_operations = frozenset(("Invoke", "InvokeAsync", "InvokeWithResponseStream"))
    # Checked here: AWS words an unknown runtime in a way of its own, and tells one that is no longer supported.
    raw_shapes = frozenset(("Runtime",))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)
        compute = cloud.function_rules.compute
        self._engine = make_engine(compute, cloud.folder / "lambda" / "run", cloud.clock.now_ms, cloud.front_door)
        self._code = CodeCache(cloud)
        self._functions = Functions(cloud, self._tables)
        self._permissions = Permissions(self._functions)
        self._urls = Urls(self._functions)
        self._code_signing = CodeSigningRules(cloud, self._tables)
        self._concurrency = Concurrency(self._tables, cloud.clock)
        self._invoker = Invoker(cloud, self._functions, self._engine, self._concurrency, self._code)
        self._functions.published = self._invoker.snapshots.published
        self._provisioning = Provisioning(cloud, self._functions, self._concurrency, self._invoker.fleets)
        self._door = Door(self._urls, self._permissions, self._invoker)
        self._async = AsyncInvoker(cloud, self._functions, self._invoker)
        self._mappings = Mappings(cloud, self._tables, self._functions)
        self._pollers = Pollers(cloud, self._tables, self._functions, self._invoker)

    async def start(self) -> None:
        self._code.sweep()
        self._pollers.start_all()
        self._provisioning.resume()
        self._invoker.snapshots.resume()
        self._invoker.counts.start()
        while True:
            await self.cloud.clock.sleep(EXPIRE_EVERY_S)
            self._invoker.pool.expire()
            self._invoker.fleets.tend()
            self._invoker.snapshots.tend()
            self._invoker.credentials.remove_ended()

    async def stop(self) -> None:
        self._invoker.stop()
        await self._invoker.logs.ship()
        await self._engine.close()

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> AwsError | None:
        return reworded(sentence, parameters)

    def scalable_dimensions(self) -> list[Dimension]:
        return [ProvisionedConcurrency(self._functions, self._provisioning)]

    def invoke_async_in_transaction(self, ctx: Context, arn: str, payload: bytes) -> str:
        """Queue an asynchronous invocation in the caller's transaction (the targets of other services); its id."""
        return self._async.accept(ctx, parse_name(ctx, arn), payload)

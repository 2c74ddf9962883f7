"""Which event source mappings are being worked on: one task each."""

import asyncio
from functools import partial

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.services.lambda_.esm_sqs import QueueSource
from fogbank.services.lambda_.esm_streams import StreamSource
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Mapping, Tables


class Pollers:
    """Starts and ends the tasks of mappings as they are made, changed and removed."""

    def __init__(self, cloud: Cloud, tables: Tables, functions: Functions, invoker: Invoker) -> None:
        self._cloud = cloud
        self._tables = tables
        self._functions = functions
        self._invoker = invoker
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start_all(self) -> None:
        """Go on with every enabled mapping of the store."""
        for (account, region, _), mapping in list(self._tables.mappings.scan()):
            if mapping.uuid not in self._tasks:
                self.restart(account, region, mapping)

    def restart(self, account: str, region: str, mapping: Mapping) -> None:
        self.end(mapping.uuid)
        arn = parse_arn(mapping.source_arn)
        if mapping.state != "Enabled" or arn is None:
            return
        source: QueueSource | StreamSource
        role = partial(self._role, account, region, mapping)
        if arn.service == "sqs":
            source = QueueSource(self._cloud, self._invoker, account, region, mapping, arn, role=role)
        else:
            source = StreamSource(self._cloud, self._tables, self._invoker, account, region, mapping, arn, role=role())
        self._tasks[mapping.uuid] = self._cloud.tasks.spawn(f"lambda mapping {mapping.uuid}", source.run())

    def _role(self, account: str, region: str, mapping: Mapping) -> str:
        ctx = self._cloud.context(account=account, region=region)
        try:
            return self._functions.configuration(
                ctx, FunctionName(account, mapping.function_name, mapping.qualifier)
            ).role
        except AwsError:  # The function is gone; its mapping waits for it to come back.
            return ""

    def end(self, uuid: str) -> None:
        task = self._tasks.pop(uuid, None)
        if task is not None:
            task.cancel()

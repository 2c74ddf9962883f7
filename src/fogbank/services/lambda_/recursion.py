"""Loops of a function with the services that it writes to: found, and stopped.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from fogbank.core import lineage
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.lambda_.errors import RecursiveInvocation
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.names import FunctionName, function_arn

TURNS_MAX = 16  # "more than approximately 16 times in the same chain of requests"


class Recursion:
    """Counts the turns of functions in the trace of what invokes them."""

    def __init__(self, cloud: Cloud, functions: Functions) -> None:
        self._cloud = cloud
        self._functions = functions

    def turn(self, ctx: Context, name: FunctionName) -> Context:
        """The context of one more turn. Raises RecursiveInvocation if that would be one too many."""
        if self.stops(ctx, name, ctx.trace):
            raise RecursiveInvocation()
        return ctx.traced(lineage.with_turn(ctx.trace, function_arn(ctx, name.account, name.name)))

    def turns(self, ctx: Context, name: FunctionName, trace: str) -> int:
        return lineage.turns(trace, function_arn(ctx, name.account, name.name))

    def stops(self, ctx: Context, name: FunctionName, trace: str) -> bool:
        """Whether what has that trace is not to invoke the function; if so, it is counted."""
        if self.turns(ctx, name, trace) < TURNS_MAX:
            return False
        if self._functions.function(ctx, name).recursive_loop == "Allow":
            return False
        dimensions = {"FunctionName": name.name}
        metric = "RecursiveInvocationsDropped"
        self._cloud.metrics.add(name.account, ctx.region, "AWS/Lambda", metric, dimensions, 1, "Count")
        return True

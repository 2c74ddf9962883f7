"""Whether a function that runs in a loop with other services is stopped."""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_.operations.base import Operations


class RecursionOperations(Operations):
    """PutFunctionRecursionConfig and GetFunctionRecursionConfig; `recursion.py` finds the loops."""

    def put_function_recursion_config(self, ctx: Context, *, FunctionName: str, RecursiveLoop: str) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        function.recursive_loop = RecursiveLoop
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return {"RecursiveLoop": RecursiveLoop}

    def get_function_recursion_config(self, ctx: Context, *, FunctionName: str) -> Answer:
        return {"RecursiveLoop": self._unqualified(ctx, FunctionName)[1].recursive_loop}

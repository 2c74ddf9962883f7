# mypy: allow-untyped-defs, disable-error-code="type-arg"
"""The module that AWS's Python runtimes bring for hooks of SnapStart.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

__all__ = ["register_after_restore", "register_before_snapshot"]

_before_snapshot: list = []
_after_restore: list = []


def register_before_snapshot(func, *args, **kwargs):
    """Have the function called before a snapshot is taken: what is registered last comes first. Also a decorator."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Have the function called after a snapshot is restored, in the order of registration. Also a decorator."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore

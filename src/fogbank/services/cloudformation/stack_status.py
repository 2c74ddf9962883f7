"""A stack's life as a table.

A stack's operation (create, update, delete) is in progress, then complete or failed. A failed creation or update
rolls back unless it was told not to. Whatever is not in the table is a bug.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from typing import Literal

Outcome = Literal["done", "failed", "rollback", "delete"]

NEXT: dict[tuple[str, Outcome], str] = {
    ("CREATE_IN_PROGRESS", "done"): "CREATE_COMPLETE",
    ("CREATE_IN_PROGRESS", "failed"): "CREATE_FAILED",
    ("CREATE_IN_PROGRESS", "rollback"): "ROLLBACK_IN_PROGRESS",
    ("CREATE_IN_PROGRESS", "delete"): "DELETE_IN_PROGRESS",
    ("CREATE_FAILED", "rollback"): "ROLLBACK_IN_PROGRESS",
    ("ROLLBACK_IN_PROGRESS", "done"): "ROLLBACK_COMPLETE",
    ("ROLLBACK_IN_PROGRESS", "failed"): "ROLLBACK_FAILED",
    ("UPDATE_IN_PROGRESS", "done"): "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    ("UPDATE_IN_PROGRESS", "failed"): "UPDATE_FAILED",
    ("UPDATE_IN_PROGRESS", "rollback"): "UPDATE_ROLLBACK_IN_PROGRESS",
    ("UPDATE_FAILED", "rollback"): "UPDATE_ROLLBACK_IN_PROGRESS",
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "done"): "UPDATE_COMPLETE",
    # A nested stack's update is undone when its parent's fails.
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "rollback"): "UPDATE_ROLLBACK_IN_PROGRESS",
    ("UPDATE_ROLLBACK_FAILED", "rollback"): "UPDATE_ROLLBACK_IN_PROGRESS",
    ("UPDATE_ROLLBACK_IN_PROGRESS", "done"): "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    ("UPDATE_ROLLBACK_IN_PROGRESS", "failed"): "UPDATE_ROLLBACK_FAILED",
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "done"): "UPDATE_ROLLBACK_COMPLETE",
    ("DELETE_IN_PROGRESS", "done"): "DELETE_COMPLETE",
    ("DELETE_IN_PROGRESS", "failed"): "DELETE_FAILED",
}

UPDATABLE = frozenset(
    ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED")
)


def after(status: str, outcome: Outcome) -> str:
    return NEXT[status, outcome]

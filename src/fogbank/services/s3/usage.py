"""How much lies in each bucket, by storage class: kept with every change, so that telling it costs nothing.

As CloudWatch counts: all versions, delete markers and parts of uploads in progress.
"""

from collections.abc import Mapping

from fogbank.core.store import Store
from fogbank.services.s3.records import Usage


class Usages:
    """Counts objects and bytes; in the transaction of the change."""

    def __init__(self, store: Store) -> None:
        self._rows = store.table("s3.usage", key=(str, str), value=Usage)

    def add(self, bucket: str, storage_class: str, size: int) -> None:
        """There is one more object of that size."""
        self._change(bucket, storage_class, objects=1, size=size)

    def remove(self, bucket: str, storage_class: str, size: int) -> None:
        self._change(bucket, storage_class, objects=-1, size=-size)

    def resize(self, bucket: str, storage_class: str, more: int) -> None:
        """An object has so many bytes more than before, or less."""
        if more:
            self._change(bucket, storage_class, objects=0, size=more)

    def of_bucket(self, bucket: str) -> dict[str, Usage]:
        """By storage class."""
        return {storage_class: usage for (_, storage_class), usage in self._rows.scan((bucket,))}

    def totals(self) -> dict[str, Usage]:
        """Of every bucket that has anything, all storage classes together."""
        found: dict[str, Usage] = {}
        for (bucket, _), usage in self._rows.scan():
            total = found.setdefault(bucket, Usage())
            total.objects += usage.objects
            total.size += usage.size
        return found

    def set(self, bucket: str, usages: Mapping[str, Usage]) -> None:
        """What was counted of a bucket, by storage class."""
        self.forget(bucket)
        for storage_class, usage in usages.items():
            self._rows.put((bucket, storage_class), usage)

    def forget(self, bucket: str) -> None:
        self._rows.delete_all((bucket,))

    def _change(self, bucket: str, storage_class: str, *, objects: int, size: int) -> None:
        usage = self._rows.get((bucket, storage_class)) or Usage()
        usage.objects += objects
        usage.size += size
        if usage.objects:
            self._rows.put((bucket, storage_class), usage)
        else:
            self._rows.delete((bucket, storage_class))

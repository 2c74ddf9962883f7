"""Versioning as S3 promises it, in a few lines: a stack of versions for each key, the newest first."""

from dataclasses import dataclass, field

NULL = "null"


@dataclass
class Version:
    id: str
    body: bytes = b""
    marker: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    held: bool = False
    retained_until_ms: int = 0

    def locked(self, now_ms: int) -> bool:
        return self.held or self.retained_until_ms > now_ms


class VersionsModel:
    """One bucket. New versions come with the id that S3 gave them."""

    def __init__(self) -> None:
        self.status = ""
        self.stacks: dict[str, list[Version]] = {}

    def add(self, key: str, version: Version) -> None:
        if self.status != "Enabled":
            assert version.id == NULL
            self.remove(key, NULL)
        self.stacks.setdefault(key, []).insert(0, version)

    def delete(self, key: str, marker_id: str) -> None:
        """Without a version: a bucket that never had versioning loses the object, another one gains a marker."""
        if self.status:
            self.add(key, Version(marker_id, marker=True))
        else:
            self.remove(key, NULL)

    def remove(self, key: str, version_id: str) -> None:
        kept = [version for version in self.stacks.get(key, []) if version.id != version_id]
        self.stacks.pop(key, None)
        if kept:
            self.stacks[key] = kept

    def find(self, key: str, version_id: str | None) -> Version | None:
        stack = self.stacks.get(key, [])
        if version_id is None:
            return stack[0] if stack else None
        return next((version for version in stack if version.id == version_id), None)

    def rows(self, *, markers: bool) -> list[tuple[str, str, bool]]:
        """What ListObjectVersions shows: key, version, and whether it is the latest."""
        return [
            (key, version.id, version is stack[0])
            for key, stack in sorted(self.stacks.items())
            for version in stack
            if version.marker == markers
        ]

    def keys(self) -> list[str]:
        return sorted(key for key, stack in self.stacks.items() if not stack[0].marker)

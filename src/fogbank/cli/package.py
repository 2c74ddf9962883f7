"""Local code in a template: zipped, uploaded to a bucket, and named by its place there, as `sam package` does."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fogbank.cli.failure import Failure

# Type -> the property with a local path, and the names of bucket and key in the form that replaces it.
_LOCAL = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}
# A fixed time makes the archive of unchanged code the same bytes, so that nothing is updated for nothing.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIPPED = frozenset(("__pycache__", ".git", ".DS_Store"))


def package(template: dict[str, Any], folder: Path, s3: Any, bucket: str) -> int:
    """Upload what the template refers to and rewrite the references in place; how many there were."""
    uploaded = 0
    for resource_id, holder, name, form in _references(template):
        source = (folder / holder[name]).resolve()
        if not source.exists():
            raise Failure(f"{resource_id}: {name} {holder[name]} is not there (looked for {source})")
        archive = _zip(source)
        key = hashlib.sha256(archive).hexdigest() + ".zip"
        if not uploaded:
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=archive)
        holder[name] = {form[0]: bucket, form[1]: key}
        uploaded += 1
    return uploaded


def _references(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str, tuple[str, str]]]:
    common = template.get("Globals", {}).get("Function", {})
    if _is_local(common.get("CodeUri")):
        yield "Globals", common, "CodeUri", ("Bucket", "Key")
    for resource_id, resource in template.get("Resources", {}).items():
        found = _LOCAL.get(resource.get("Type", ""))
        properties = resource.get("Properties", {})
        if found is not None and _is_local(properties.get(found[0])):
            yield resource_id, properties, found[0], found[1:]


def _is_local(value: object) -> bool:
    return isinstance(value, str) and not value.startswith(("s3://", "http://", "https://"))


def _zip(source: Path) -> bytes:
    if source.suffix == ".zip":
        return source.read_bytes()
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    base = source.parent if source.is_file() else source
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            name = file.relative_to(base)
            if _SKIPPED.isdisjoint(name.parts):
                entry = zipfile.ZipInfo(str(name), _EPOCH)
                entry.external_attr = file.stat().st_mode << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()

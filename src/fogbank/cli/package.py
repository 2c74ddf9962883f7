"""Local files in a template: uploaded to a bucket, and named by their place there, as `sam package` does.

Code is zipped; the templates of nested stacks have their own files packaged first.
"""

import contextlib
import hashlib
import io
import json
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
# Type -> the property with the path of another template.
_NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
# A fixed time makes the archive of unchanged code the same bytes, so that nothing is updated for nothing.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIPPED = frozenset(("__pycache__", ".git", ".DS_Store"))


class Artifacts:
    """A bucket for what templates refer to; it is made when the first file comes."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._made = False

    def keep(self, data: bytes, suffix: str) -> tuple[str, str]:
        """Bucket and key of the data, which are the same for the same data."""
        if not self._made:
            self._make()
            self._made = True
        key = hashlib.sha256(data).hexdigest() + suffix
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)
        return self._bucket, key

    def _make(self) -> None:
        region = self._s3.meta.region_name
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with contextlib.suppress(self._s3.exceptions.BucketAlreadyOwnedByYou):
            self._s3.create_bucket(Bucket=self._bucket, **place)

    def keep_template(self, template: dict[str, Any]) -> str:
        """The template's URL."""
        bucket, key = self.keep(json.dumps(template).encode(), ".template")
        return f"https://s3.amazonaws.com/{bucket}/{key}"


def load_template(file: Path) -> dict[str, Any]:
    from fogbank.services.cloudformation.errors import ValidationError
    from fogbank.services.cloudformation.template import load

    try:
        template: dict[str, Any] = load(file.read_text())
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise Failure(f"{file}: {getattr(error, 'message', 'it is no text')}") from None
    return template


def package(template: dict[str, Any], folder: Path, artifacts: Artifacts) -> None:
    """Upload what the template refers to and rewrite the references in place."""
    for resource_id, holder, name, form in _references(template):
        source = _existing(resource_id, folder, holder, name)
        bucket, key = artifacts.keep(_zip(source), ".zip")
        holder[name] = {form[0]: bucket, form[1]: key}
    for resource_id, resource in template.get("Resources", {}).items():
        name = _NESTED.get(resource.get("Type", ""), "")
        holder = resource.get("Properties", {})
        if name and _is_local(holder.get(name)):
            source = _existing(resource_id, folder, holder, name)
            nested = load_template(source)
            package(nested, source.parent, artifacts)
            holder[name] = artifacts.keep_template(nested)


def _existing(resource_id: str, folder: Path, holder: dict[str, Any], name: str) -> Path:
    source = (folder / str(holder[name])).resolve()
    if not source.exists():
        raise Failure(f"{resource_id}: {name} {holder[name]} is not there (looked for {source})")
    return source


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

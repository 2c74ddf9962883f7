"""Access control lists: canned ones, those of the grant headers, those of a document; and which of them are public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

import re
from collections.abc import Mapping
from typing import Any

from fogbank.services.s3.errors import InvalidArgument, MalformedAcl, UnresolvableGrantByEmailAddress
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.records import Acl, Grant

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = (ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY)
PERMISSIONS = ("FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP")
BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"
GRANTS_MAX = 100
# EC2, which reads the bundles of machine images.
_EC2_ID = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_PAIR = re.compile(r'\s*([A-Za-z]+)\s*=\s*("[^"]*"|[^",]*?)\s*(?:,|$)')

# What each canned list grants beside the owner's full control; `bucket` stands for the bucket's owner.
_CANNED: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "private": (),
    "public-read": (("READ", "Group", ALL_USERS),),
    "public-read-write": (("READ", "Group", ALL_USERS), ("WRITE", "Group", ALL_USERS)),
    "authenticated-read": (("READ", "Group", AUTHENTICATED_USERS),),
    "aws-exec-read": (("READ", "CanonicalUser", _EC2_ID),),
    "bucket-owner-read": (("READ", "CanonicalUser", "bucket"),),
    BUCKET_OWNER_FULL_CONTROL: (("FULL_CONTROL", "CanonicalUser", "bucket"),),
    "log-delivery-write": (("WRITE", "Group", LOG_DELIVERY), ("READ_ACP", "Group", LOG_DELIVERY)),
}
_FOR_OBJECTS_ONLY = frozenset(("bucket-owner-read", BUCKET_OWNER_FULL_CONTROL))
_FOR_BUCKETS_ONLY = frozenset(("log-delivery-write",))
_HEADERS = {
    "FULL_CONTROL": "x-amz-grant-full-control",
    "READ": "x-amz-grant-read",
    "WRITE": "x-amz-grant-write",
    "READ_ACP": "x-amz-grant-read-acp",
    "WRITE_ACP": "x-amz-grant-write-acp",
}


def full_control(account: str) -> Grant:
    return Grant("FULL_CONTROL", "CanonicalUser", owner_id(account))


def private(account: str) -> Acl:
    return Acl(account, [full_control(account)])


def canned(name: str, *, owner: str, bucket_owner: str, of_object: bool) -> Acl:
    """The list behind a value of `x-amz-acl`."""
    if name not in _CANNED or name in (_FOR_BUCKETS_ONLY if of_object else ()):
        raise InvalidArgument("", members={"ArgumentName": "x-amz-acl", "ArgumentValue": name})
    grants = [full_control(owner)]
    for permission, kind, grantee in _CANNED[name] if of_object or name not in _FOR_OBJECTS_ONLY else ():
        grant = Grant(permission, kind, owner_id(bucket_owner) if grantee == "bucket" else grantee)
        if grant not in grants:
            grants.append(grant)
    return Acl(owner, grants)


def of_headers(headers: Mapping[str, str], *, owner: str) -> Acl:
    """The list of the grant headers, by permission."""
    grants: list[Grant] = []
    for permission, header in _HEADERS.items():
        if permission in headers:
            grants += [Grant(permission, kind, who) for kind, who in _grantees(header, headers[permission])]
    return Acl(owner, grants)


def of_document(document: Mapping[str, Any], *, owner: str) -> Acl:
    """The list of an `AccessControlPolicy`."""
    if not (document.get("Owner") or {}).get("ID") or "Grants" not in document:
        raise MalformedAcl()
    grants = [_grant(grant) for grant in document["Grants"] or []]
    _check_id("CanonicalUser/ID", document["Owner"]["ID"])
    if len(grants) > GRANTS_MAX:
        raise MalformedAcl()
    for grant, given in zip(grants, document["Grants"] or [], strict=True):
        _check_grantee(grant, given["Grantee"])
    return Acl(owner, grants)


def as_document(acl: Acl) -> dict[str, Any]:
    """A list as GetBucketAcl and GetObjectAcl answer it."""
    return {"Owner": {"ID": owner_id(acl.owner)}, "Grants": [_as_given(grant) for grant in acl.grants]}


def is_public(acl: Acl) -> bool:
    """Whether it grants anything to everybody, or to everybody who has an account.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return any(grant.grantee in (ALL_USERS, AUTHENTICATED_USERS) for grant in acl.grants)


def check_target_grants(grants: list[dict[str, Any]]) -> None:
    """The grants of a logging configuration, which are kept as they are given."""
    for given in grants:
        if given.get("Permission") not in PERMISSIONS or not isinstance(given.get("Grantee"), dict):
            raise MalformedAcl()
        _check_grantee(_grant(given), given["Grantee"])


def _as_given(grant: Grant) -> dict[str, Any]:
    name = "URI" if grant.kind == "Group" else "ID"
    return {"Grantee": {"Type": grant.kind, name: grant.grantee}, "Permission": grant.permission}


def _grant(given: Mapping[str, Any]) -> Grant:
    grantee = given.get("Grantee") or {}
    name = {"CanonicalUser": "ID", "Group": "URI", "AmazonCustomerByEmail": "EmailAddress"}.get(grantee.get("Type", ""))
    if given.get("Permission") not in PERMISSIONS or name is None or not grantee.get(name):
        raise MalformedAcl()
    return Grant(given["Permission"], grantee["Type"], grantee[name])


def _check_grantee(grant: Grant, grantee: Mapping[str, Any]) -> None:
    match grant.kind:
        case "CanonicalUser":
            _check_id("CanonicalUser/ID", grant.grantee)
        case "Group":
            _check_group("Group/URI", grant.grantee)
        case _:
            raise UnresolvableGrantByEmailAddress(members={"Email": grantee["EmailAddress"]})


def _grantees(header: str, text: str) -> list[tuple[str, str]]:
    """The grantees of `id="…", uri="…"`."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise _unreadable(header, text)
        at, value = match.end(), match[2].strip('"')
        match match[1].lower():
            case "id":
                _check_id("id", value)
                found.append(("CanonicalUser", value))
            case "uri":
                _check_group("uri", value)
                found.append(("Group", value))
            case "emailaddress":
                raise UnresolvableGrantByEmailAddress(members={"Email": value})
            case _:
                raise _unreadable(header, text)
    if not found:
        raise _unreadable(header, text)
    return found


def _unreadable(header: str, text: str) -> InvalidArgument:
    return InvalidArgument("Argument format not recognized", members={"ArgumentName": header, "ArgumentValue": text})


def _check_id(argument: str, value: str) -> None:
    if _CANONICAL_ID.fullmatch(value) is None:
        raise InvalidArgument("Invalid id", members={"ArgumentName": argument, "ArgumentValue": value})


def _check_group(argument: str, value: str) -> None:
    if value not in GROUPS:
        raise InvalidArgument("Invalid group uri", members={"ArgumentName": argument, "ArgumentValue": value})

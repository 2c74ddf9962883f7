"""Mobile push: platform applications and their endpoints, kept and shown. Fogbank reaches no push service.

https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-application-as-subscriber.html
"""

import re
import uuid

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.core.store import Record, Store
from fogbank.services.sns.errors import InvalidParameter, NotFound
from fogbank.services.sns.paging import page

_PLATFORMS = ("ADM", "APNS", "APNS_SANDBOX", "BAIDU", "FCM", "GCM", "MACOS", "MACOS_SANDBOX", "MPNS", "WNS")
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
SECRET = ("PlatformCredential", "PlatformPrincipal")
_APPLICATION_ATTRIBUTES = frozenset(
    (
        *SECRET,
        "EventEndpointCreated",
        "EventEndpointDeleted",
        "EventEndpointUpdated",
        "EventDeliveryFailure",
        "SuccessFeedbackRoleArn",
        "FailureFeedbackRoleArn",
        "SuccessFeedbackSampleRate",
        "ApplePlatformTeamID",
        "ApplePlatformBundleID",
    )
)
_ENDPOINT_ATTRIBUTES = frozenset(("CustomUserData", "Enabled", "Token"))
_USER_DATA_BYTES_MAX = 2048

ApplicationKey = tuple[str, str, str, str]
EndpointKey = tuple[str, str, str, str, str]


class Application(Record):
    attributes: dict[str, str]


class Endpoint(Record):
    attributes: dict[str, str]


class ApplicationDoesNotExist(NotFound):
    message = "PlatformApplication does not exist"


class EndpointDoesNotExist(NotFound):
    message = "Endpoint does not exist"


class PlatformTables:
    """Applications under (account, region, platform, name), endpoints under that and their id."""

    def __init__(self, store: Store) -> None:
        place = (str, str, str, str)
        self.applications = store.table("sns.platform_applications", key=place, value=Application)
        self.endpoints = store.table("sns.platform_endpoints", key=(*place, str), value=Endpoint)

    def application(self, ctx: Context, arn: str) -> tuple[ApplicationKey, Application]:
        platform, name = _resource(ctx, arn, "PlatformApplicationArn", kind="app", steps=2)
        key = (ctx.account, ctx.region, platform, name)
        found = self.applications.get(key)
        if found is None:
            raise ApplicationDoesNotExist()
        return key, found

    def endpoint(self, ctx: Context, arn: str) -> tuple[EndpointKey, Endpoint]:
        key = self.endpoint_key(ctx, arn)
        found = self.endpoints.get(key)
        if found is None:
            raise EndpointDoesNotExist()
        return key, found

    def endpoint_key(self, ctx: Context, arn: str) -> EndpointKey:
        platform, name, endpoint_id = _resource(ctx, arn, "EndpointArn", kind="endpoint", steps=3)
        return ctx.account, ctx.region, platform, name, endpoint_id


class PlatformOperations(Service):
    """The platform applications and endpoints of `SnsService`."""

    platforms: PlatformTables

    def create_platform_application(
        self, ctx: Context, *, Name: str, Platform: str, Attributes: dict[str, str]
    ) -> Answer:
        _check_application_name(Name)
        if Platform not in _PLATFORMS:
            raise InvalidParameter(f"Platform Reason: {Platform} is not supported")
        _check_credentials(Platform, Attributes)
        _check_names(Attributes, _APPLICATION_ATTRIBUTES)
        key = (ctx.account, ctx.region, Platform, Name)
        if self.platforms.applications.get(key) is None:
            self.platforms.applications.put(key, Application({"Enabled": "true"} | Attributes))
        return {"PlatformApplicationArn": ctx.arn("sns", f"app/{Platform}/{Name}")}

    def delete_platform_application(self, ctx: Context, *, PlatformApplicationArn: str) -> Answer:
        try:
            key, _ = self.platforms.application(ctx, PlatformApplicationArn)
        except ApplicationDoesNotExist:
            return None
        self.platforms.applications.delete(key)
        self.platforms.endpoints.delete_all(key)
        return None

    def get_platform_application_attributes(self, ctx: Context, *, PlatformApplicationArn: str) -> Answer:
        _, application = self.platforms.application(ctx, PlatformApplicationArn)
        return {"Attributes": _shown(application)}

    def list_platform_applications(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        found = {
            ctx.arn("sns", f"app/{key[2]}/{key[3]}"): application
            for key, application in self.platforms.applications.scan((ctx.account, ctx.region))
        }
        arns, token = page(sorted(found), NextToken)
        shown = [{"PlatformApplicationArn": arn, "Attributes": _shown(found[arn])} for arn in arns]
        return {"PlatformApplications": shown, **token}

    def set_platform_application_attributes(
        self, ctx: Context, *, PlatformApplicationArn: str, Attributes: dict[str, str]
    ) -> Answer:
        key, application = self.platforms.application(ctx, PlatformApplicationArn)
        _check_names(Attributes, _APPLICATION_ATTRIBUTES)
        application.attributes |= Attributes
        self.platforms.applications.put(key, application)
        return None

    def create_platform_endpoint(
        self,
        ctx: Context,
        *,
        PlatformApplicationArn: str,
        Token: str,
        CustomUserData: str | None = None,
        Attributes: dict[str, str] | None = None,
    ) -> Answer:
        key, _ = self.platforms.application(ctx, PlatformApplicationArn)
        wanted = dict(Attributes or {})
        if CustomUserData is not None:
            wanted.setdefault("CustomUserData", CustomUserData)
        _check_endpoint_attributes(wanted)
        wanted = {"Enabled": "true"} | wanted | {"Token": Token}
        for known_key, known in self.platforms.endpoints.scan(key):
            if known.attributes["Token"] == Token:
                arn = _endpoint_arn(ctx, known_key)
                if known.attributes != wanted:
                    raise InvalidParameter(
                        f"Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
                    )
                return {"EndpointArn": arn}
        endpoint_key = (*key, str(uuid.uuid4()))
        self.platforms.endpoints.put(endpoint_key, Endpoint(wanted))
        return {"EndpointArn": _endpoint_arn(ctx, endpoint_key)}

    def delete_endpoint(self, ctx: Context, *, EndpointArn: str) -> Answer:
        self.platforms.endpoints.delete(self.platforms.endpoint_key(ctx, EndpointArn))
        return None

    def get_endpoint_attributes(self, ctx: Context, *, EndpointArn: str) -> Answer:
        _, endpoint = self.platforms.endpoint(ctx, EndpointArn)
        return {"Attributes": endpoint.attributes}

    def list_endpoints_by_platform_application(
        self, ctx: Context, *, PlatformApplicationArn: str, NextToken: str | None = None
    ) -> Answer:
        key, _ = self.platforms.application(ctx, PlatformApplicationArn)
        found = {_endpoint_arn(ctx, known): endpoint for known, endpoint in self.platforms.endpoints.scan(key)}
        arns, token = page(sorted(found), NextToken)
        return {"Endpoints": [{"EndpointArn": arn, "Attributes": found[arn].attributes} for arn in arns], **token}

    def set_endpoint_attributes(self, ctx: Context, *, EndpointArn: str, Attributes: dict[str, str]) -> Answer:
        key, endpoint = self.platforms.endpoint(ctx, EndpointArn)
        _check_endpoint_attributes(Attributes)
        endpoint.attributes |= Attributes
        self.platforms.endpoints.put(key, endpoint)
        return None


def _shown(application: Application) -> dict[str, str]:
    return {name: value for name, value in application.attributes.items() if name not in SECRET}


def _resource(ctx: Context, arn: str, parameter: str, *, kind: str, steps: int) -> list[str]:
    """The parts of `app/ADM/name` and `endpoint/ADM/name/id` behind the kind."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        raise InvalidParameter(f"{parameter} Reason: An ARN must have at least 6 elements, not {len(parts)}")
    found, *rest = parts[5].split("/")
    if len(rest) != steps:
        raise InvalidParameter(f"{parameter} Reason: Wrong number of slashes in relative portion of the ARN.")
    if parts[2] != "sns" or parts[3] != ctx.region or parts[4] != ctx.account or found != kind:
        raise InvalidParameter(parameter)
    return rest


def _endpoint_arn(ctx: Context, key: tuple[str, ...]) -> str:
    return ctx.arn("sns", f"endpoint/{key[2]}/{key[3]}/{key[4]}")


def _check_application_name(name: str) -> None:
    if not name:
        raise InvalidParameter(f"{name} Reason: cannot be empty")
    if len(name) > 256:
        raise InvalidParameter(f"{name} Reason: must be at most 256 characters long")
    if _NAME.fullmatch(name) is None:
        raise InvalidParameter(
            f"{name} Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
        )


def _check_credentials(platform: str, attributes: dict[str, str]) -> None:
    if platform in ("FCM", "GCM"):
        return  # An API key alone will do.
    for present, absent in (SECRET, SECRET[::-1]):
        if present in attributes and absent not in attributes:
            raise InvalidParameter(f"Attributes Reason: {present} attribute provided without {absent}")


def _check_names(attributes: dict[str, str], known: frozenset[str]) -> None:
    for name in attributes:
        if name not in known:
            raise InvalidParameter(f"Attributes Reason: Invalid attribute name: {name}")


def _check_endpoint_attributes(attributes: dict[str, str]) -> None:
    _check_names(attributes, _ENDPOINT_ATTRIBUTES)
    if len(attributes.get("CustomUserData", "").encode()) > _USER_DATA_BYTES_MAX:
        raise InvalidParameter(
            "Attributes Reason: Invalid value for attribute: CustomUserData: "
            f"must be at most {_USER_DATA_BYTES_MAX} bytes long in UTF-8 encoding"
        )

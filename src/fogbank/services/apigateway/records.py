"""What API Gateway stores.

Invariants: an API has one root resource, whose path is `/` and whose parent is empty; the paths of its resources are
those of their parents with their own part behind; a stage points to a deployment that is there; a deployment never
changes. What AWS answers as a document is kept as that document, without ids and dates, so that a PATCH is a change of
the document that its paths speak of.
"""

from typing import Any

from fogbank.core.store import Record, Store

Document = dict[str, Any]


class RestApi(Record):
    account: str
    region: str
    id: str
    root_id: str
    created_ms: int
    settings: Document
    tags: dict[str, str] = {}


class Place(Record):
    """Where an API is: its id is unique in all accounts and regions, as its host name says no more."""

    account: str
    region: str


class Resource(Record):
    id: str
    parent_id: str
    path_part: str
    path: str
    methods: dict[str, Document] = {}
    """By HTTP method, `ANY` among them, as GetMethod answers."""


class Model(Record):
    id: str
    name: str
    description: str
    schema: str
    content_type: str


class RequestValidator(Record):
    id: str
    name: str
    body: bool
    parameters: bool


class GatewayResponse(Record):
    """One that differs from the default of its type."""

    type: str
    status_code: str
    parameters: dict[str, str]
    templates: dict[str, str]


class Authorizer(Record):
    id: str
    document: Document


class ApiKey(Record):
    id: str
    value: str
    name: str | None
    description: str | None
    enabled: bool
    customer_id: str | None
    created_ms: int
    updated_ms: int
    sequence: int
    tags: dict[str, str] = {}


class UsagePlan(Record):
    """`stages` are as given: the API, the stage, and limits of methods. No throttle or quota is an empty one."""

    id: str
    name: str
    description: str | None
    stages: list[Document]
    tags: dict[str, str]
    sequence: int
    throttle: Document = {}
    quota: Document = {}


class Deployment(Record):
    id: str
    created_ms: int
    description: str | None


class Definition(Record):
    """An API as it was when it was deployed."""

    settings: Document
    resources: list[Resource]
    models: list[Model]
    validators: list[RequestValidator]
    gateway_responses: list[GatewayResponse]
    authorizers: list[Authorizer] = []


class Stage(Record):
    name: str
    deployment_id: str
    created_ms: int
    updated_ms: int
    settings: Document
    tags: dict[str, str] = {}


class Account(Record):
    role_arn: str = ""


class Tables:
    """What belongs to an API is kept under its id."""

    def __init__(self, store: Store) -> None:
        self.apis = store.table("apigateway.apis", key=(str, str, str), value=RestApi)
        self.places = store.table("apigateway.places", key=(str,), value=Place)
        self.resources = store.table("apigateway.resources", key=(str, str), value=Resource)
        self.models = store.table("apigateway.models", key=(str, str), value=Model)
        self.validators = store.table("apigateway.validators", key=(str, str), value=RequestValidator)
        self.gateway_responses = store.table("apigateway.gateway_responses", key=(str, str), value=GatewayResponse)
        self.authorizers = store.table("apigateway.authorizers", key=(str, str), value=Authorizer)
        self.deployments = store.table("apigateway.deployments", key=(str, str), value=Deployment)
        self.definitions = store.table("apigateway.definitions", key=(str, str), value=Definition)
        self.stages = store.table("apigateway.stages", key=(str, str), value=Stage)
        self.accounts = store.table("apigateway.accounts", key=(str, str), value=Account)
        self.api_keys = store.table("apigateway.api_keys", key=(str, str, str), value=ApiKey)
        self.key_values = store.table("apigateway.key_values", key=(str, str, str), value=str)
        """The ids of keys by what callers send."""
        self.usage_plans = store.table("apigateway.usage_plans", key=(str, str, str), value=UsagePlan)
        self.plan_keys = store.table("apigateway.plan_keys", key=(str, str, str, str), value=bool)
        self.usage = store.table("apigateway.usage", key=(str, str, str, str, str), value=int)
        """Requests by plan, key and day."""

    def definition(self, api: RestApi) -> Definition:
        """The API as it is now."""
        place = (api.id,)
        return Definition(
            settings=api.settings,
            resources=[resource for _, resource in self.resources.scan(place)],
            models=[model for _, model in self.models.scan(place)],
            validators=[validator for _, validator in self.validators.scan(place)],
            gateway_responses=[response for _, response in self.gateway_responses.scan(place)],
            authorizers=[authorizer for _, authorizer in self.authorizers.scan(place)],
        )

    def remove_contents(self, api_id: str) -> None:
        """All that belongs to an API but its stages and deployments."""
        contents = (self.resources, self.models, self.validators, self.gateway_responses, self.authorizers)
        for table in contents:
            for key, _ in list(table.scan((api_id,))):
                table.delete(key)

    def remove(self, api: RestApi) -> None:
        self.remove_contents(api.id)
        for table in (self.deployments, self.definitions, self.stages):
            for key, _ in list(table.scan((api.id,))):
                table.delete(key)
        self.places.delete((api.id,))
        self.apis.delete((api.account, api.region, api.id))

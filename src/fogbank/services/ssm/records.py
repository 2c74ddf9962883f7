"""What Parameter Store keeps.

- `parameters`, key (account, region, name): each parameter as it is now.
- `former`, key (account, region, name, version): what the present version replaced, up to 99 of them.
- `counts`, key (account, region): how many parameters there are of each tier.
- `settings`, key (account, region, setting id): service settings that were changed.

A SecureString's value lies there as its ciphertext, in base64: what it looks like without decryption.
"""

from fogbank.core.store import Record, Store

Place = tuple[str, str, str]


class Policy(Record):
    """A parameter policy; `text` is its JSON."""

    type: str
    text: str
    due_ms: int
    """When it acts; of NoChangeNotification it moves on with every change."""
    after_ms: int = 0
    """Of NoChangeNotification: how long nothing must have changed."""
    finished: bool = False


class Parameter(Record):
    name: str
    type: str
    value: str
    version: int
    modified_ms: int
    description: str = ""
    key_id: str = ""
    pattern: str = ""
    tier: str = "Standard"
    data_type: str = "text"
    user: str = ""
    labels: list[str] = []
    policies: list[Policy] = []
    tags: dict[str, str] = {}
    """Of the parameter, whichever version; so is `sharing`."""
    sharing: str = ""
    """The resource policy that shares it with other accounts."""
    sharing_id: str = ""


class Counts(Record):
    standard: int = 0
    advanced: int = 0


class Setting(Record):
    value: str
    modified_ms: int
    user: str


class SsmTables:
    def __init__(self, store: Store) -> None:
        place = (str, str, str)
        self.parameters = store.table("ssm.parameters", key=place, value=Parameter)
        self.former = store.table("ssm.former", key=(*place, int), value=Parameter)
        self.counts = store.table("ssm.counts", key=(str, str), value=Counts)
        self.settings = store.table("ssm.settings", key=place, value=Setting)

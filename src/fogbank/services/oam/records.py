"""What OAM stores."""

from fogbank.core.store import Record, Store


class Sink(Record):
    """Where a monitoring account takes links; an account has one in a region."""

    id: str
    name: str
    policy: str = ""
    tags: dict[str, str] = {}


class Link(Record):
    """What a source account shares with a sink. The filters are as they were given; empty shares everything."""

    id: str
    sink_arn: str
    label_template: str
    label: str
    types: list[str]
    log_groups: str = ""
    metrics: str = ""
    tags: dict[str, str] = {}


class Attached(Record):
    """That a link leads to a sink."""


class Tables:
    """Keys begin with account and region. `attached` has the links of a sink, by their accounts and ids."""

    def __init__(self, store: Store) -> None:
        self.sinks = store.table("oam.sinks", key=(str, str), value=Sink)
        self.links = store.table("oam.links", key=(str, str, str), value=Link)
        self.attached = store.table("oam.attached", key=(str, str, str, str), value=Attached)

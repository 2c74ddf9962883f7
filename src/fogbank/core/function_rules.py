"""Where functions run and what they may do, whoever owns them: the settings that `fogbank up` takes."""

from typing import Literal

import msgspec

FunctionNetwork = Literal["none", "cloud", "full"]
Distrust = Literal["tagged", "strict"]
# Functions with this tag (and any value but "false") are run in a whole sandbox or not at all.
UNTRUSTED_TAG = "fogbank:untrusted"


class FunctionRules(msgspec.Struct, frozen=True, kw_only=True):
    network: FunctionNetwork = "cloud"
    """What they can reach: their Runtime API alone, Fogbank's own endpoint besides, or all that the machine can."""
    untrusted: Distrust = "tagged"
    """Which are not trusted: those with the tag, or all."""

    compute: str = "process"
    """Where they run: "process" is this machine; "ray" or "ray://HOST:PORT" a Ray cluster."""

    def distrusts(self, tags: dict[str, str]) -> bool:
        return self.untrusted == "strict" or tags.get(UNTRUSTED_TAG, "false") != "false"

    def network_of(self, *, untrusted: bool) -> FunctionNetwork:
        """Whom nobody trusts never reaches more than Fogbank."""
        return "cloud" if untrusted and self.network == "full" else self.network

"""What every function opens before it can work: a session with the directory, and the permissions that it hands out.

It is a layer, so that both functions have the same. Opening takes its time: the directory is elsewhere, and a handshake
is many messages, one after the other. So it is opened while the function initializes, once for an environment.
"""

import os
import time

import aws

RULES = 20_000  # of a large customer; each is looked at while a request is answered
AT_ONCE_S = 1


class Connections:
    def __init__(self) -> None:
        self._secret = aws.secret(os.environ["DIRECTORY"])
        time.sleep(int(os.environ["HANDSHAKE_MS"]) / 1000)
        self.permissions = {f"sheet-{number}": number % 7 != 0 for number in range(RULES)}


class Environment:
    """How this execution environment came to be, and whether it has answered before."""

    def __init__(self) -> None:
        self.kind = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
        self._initialized_s = time.time()
        self._used = False

    def start(self) -> str:
        """What the request that asks waited for: `cold` an initialization, `restored` a snapshot, `warm` nothing."""
        first, self._used = not self._used, True
        if not first or self.kind == "provisioned-concurrency":
            return "warm"
        at_once = time.time() - self._initialized_s < AT_ONCE_S
        return "cold" if at_once or self.kind == "on-demand" else "restored"


connections = Connections()
environment = Environment()

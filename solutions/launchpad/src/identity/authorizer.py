"""The gateway's authorizer: whose a token is. What that client may do is for each service to say."""

import os
import time
from typing import Any

import jwt


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    scheme, _, token = event["authorizationToken"].partition(" ")
    try:
        if scheme != "Bearer":
            raise jwt.InvalidToken("no bearer token")
        claims = jwt.verified(token, os.environ["SIGNING_KEY"], now_s=time.time())
    except jwt.InvalidToken:
        raise Exception("Unauthorized") from None  # The words by which API Gateway answers 401.
    # The answer is kept for the token, so it must hold for each of the stage's methods.
    api, stage, *_ = event["methodArn"].split("/")
    return {
        "principalId": claims["sub"],
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{api}/{stage}/*"}],
        },
        # What comes with a token of a tenant counts for the tenant, its functions' requests too.
        "usageIdentifierKey": os.environ["REQUESTS_OF"] + claims["tenant"],
        "context": {name: claims[name] for name in ("tenant", "function", "scope")},
    }

"""The payload of an invocation must be JSON: Lambda refuses anything else before a function sees it."""

import msgspec

from fogbank.services.lambda_.errors import InvalidRequestContent

_DECODER = msgspec.json.Decoder(msgspec.Raw)


def check_payload(payload: bytes) -> None:
    try:
        _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # AWS's sentence goes on with its JSON parser's own words.
        raise InvalidRequestContent(f"Could not parse request body into json: {error}") from error

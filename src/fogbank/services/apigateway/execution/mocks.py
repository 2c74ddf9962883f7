"""Integrations without a backend: the request template says which status is answered."""

import re

from fogbank.core.json_text import parse
from fogbank.core.numerals import whole_number
from fogbank.services.apigateway.execution.call import Outgoing
from fogbank.services.apigateway.gateway_errors import InternalError

# AWS takes more than JSON here: `{statusCode: 200}`, as some tools write it, too.
_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})\b""")


def answer(body: str) -> Outgoing:
    document = parse(body)
    status = document.get("statusCode") if isinstance(document, dict) else None
    if status is None:
        match = _STATUS.search(body)
        status = match[1] if match is not None else None
    number = whole_number(str(status))
    if number is None:
        raise InternalError(reason="Execution failed due to configuration error: Unable to parse statusCode")
    return Outgoing(number, [], b"")

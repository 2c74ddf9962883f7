"""What the execution log says before and after a method's integration."""

from collections.abc import Mapping

from fogbank.services.apigateway.execution.call import Call, Outgoing, last_values


def begin(call: Call) -> None:
    incoming = call.incoming
    call.say(f"Starting execution for request: {call.ctx.request_id}")
    call.say(f"HTTP Method: {incoming.method}, Resource Path: {incoming.path}")
    call.say(f"Method request path: {_listed(call.path_parameters)}", data=True)
    call.say(f"Method request query string: {_listed(last_values(incoming.query))}", data=True)
    call.say(f"Method request headers: {_listed(last_values(incoming.headers))}", data=True)
    body = incoming.body.decode("utf-8", "replace")
    call.say(f"Method request body before transformations: {body}", data=True)


def succeed(call: Call, outgoing: Outgoing) -> None:
    body = outgoing.body.decode("utf-8", "replace")
    call.say(f"Method response body after transformations: {body}", data=True)
    call.say(f"Method response headers: {_listed(last_values(outgoing.headers))}", data=True)
    call.say("Successfully completed execution")


def end(call: Call, outgoing: Outgoing) -> None:
    call.say(f"Method completed with status: {outgoing.status}")


def _listed(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in values.items()) + "}"

"""Domains whose subdomains lead to the same server, so that an address can have the form of AWS's.

A plain `localhost` or a container's name has none that resolve everywhere.
"""

_WITH_SUBDOMAINS = ("amazonaws.com", "localhost.localstack.cloud", "localhost.fogbank.dev")


def domain_of(host: str) -> str:
    """The domain that a host is in, with its port; empty if it has no subdomains."""
    name, colon, port = host.partition(":")
    domain = next((domain for domain in _WITH_SUBDOMAINS if f".{name}".endswith(f".{domain}")), "")
    return f"{domain}{colon}{port}" if domain else ""

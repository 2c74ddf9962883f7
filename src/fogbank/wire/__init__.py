"""The front door: HTTP, the AWS protocols, which service and which operation. Knows no service."""

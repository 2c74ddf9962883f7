"""What goes between HTTP and the protocols."""

from fogbank.core.http_message import RequestData, ResponseData

__all__ = ["RequestData", "ResponseData"]

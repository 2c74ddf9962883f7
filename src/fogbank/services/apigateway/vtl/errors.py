"""Why a template gives no text."""


class TemplateError(Exception):
    """It cannot be read, or asks for what there is not: the request ends with an internal server error."""


class Unsupported(TemplateError):
    """It uses what Velocity has and this does not."""

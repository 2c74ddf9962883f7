"""SMS: phone numbers, the account's settings and its opted-out numbers. Fogbank has no carrier and sends none.

https://docs.aws.amazon.com/sns/latest/api/API_SetSMSAttributes.html
"""

import re

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer, Service
from fogbank.core.store import Record, Table
from fogbank.services.sns.errors import InvalidParameter, SmsInvalid

_PHONE_NUMBER = re.compile(r"\+?\d(?:[-./]?\d)*")
_E164 = re.compile(r"\+[1-9]\d{1,14}")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_DEFAULTS = {"MonthlySpendLimit": "1"}


class SmsSettings(Record):
    attributes: dict[str, str] = {}


class SmsOperations(Service):
    """The SMS settings of `SnsService`. No number opts out, since none is ever sent anything."""

    _sms_settings: Table[SmsSettings]

    def check_if_phone_number_is_opted_out(self, ctx: Context, *, phoneNumber: str) -> Answer:
        _check_e164(phoneNumber)
        return {"isOptedOut": False}

    def get_sms_attributes(self, ctx: Context, *, attributes: list[str] | None = None) -> Answer:
        known = _DEFAULTS | self._sms(ctx).attributes
        return {"attributes": {name: known[name] for name in attributes or known if name in known}}

    def list_phone_numbers_opted_out(self, ctx: Context, *, nextToken: str | None = None) -> Answer:
        if nextToken:
            raise InvalidParameter("nextToken")
        return {"phoneNumbers": []}

    def opt_in_phone_number(self, ctx: Context, *, phoneNumber: str) -> Answer:
        _check_e164(phoneNumber)
        return {}

    def set_sms_attributes(self, ctx: Context, *, attributes: dict[str, str]) -> Answer:
        for name, value in attributes.items():
            _check_setting(name, value)
        settings = self._sms(ctx)
        settings.attributes |= attributes
        self._sms_settings.put((ctx.account, ctx.region), settings)
        return {}

    def _sms(self, ctx: Context) -> SmsSettings:
        return self._sms_settings.get((ctx.account, ctx.region)) or SmsSettings()


def check_endpoint(endpoint: str) -> None:
    """Subscribe takes numbers with single separators."""
    if _PHONE_NUMBER.fullmatch(endpoint) is None:
        raise SmsInvalid(f"Invalid SMS endpoint: {endpoint}")


def check_phone_number(number: str) -> None:
    """What Publish takes."""
    if _PHONE_NUMBER.fullmatch(number) is None:
        raise InvalidParameter(f"PhoneNumber Reason: {number} is not valid to publish to")


def _check_e164(number: str) -> None:
    if _E164.fullmatch(number) is None:
        raise InvalidParameter("PhoneNumber Reason: input incorrectly formatted")


def _check_setting(name: str, value: str) -> None:
    match name:
        case "MonthlySpendLimit" | "DeliveryStatusSuccessSamplingRate":
            number = whole_number(value)
            valid = number is not None and (name == "MonthlySpendLimit" or number <= 100)
        case "DefaultSenderID":
            valid = not value or _SENDER_ID.fullmatch(value) is not None
        case "DefaultSMSType":
            valid = value in ("Promotional", "Transactional")
        case "DeliveryStatusIAMRole" | "UsageReportS3Bucket":
            valid = True
        case _:
            raise SmsInvalid(f"{name} is not a valid attribute")
    if not valid:
        raise SmsInvalid(f"{name} is invalid")

"""The service settings of Parameter Store: the default tier and the throughput.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ServiceSetting.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.ssm.base import ParameterBase
from fogbank.services.ssm.errors import ServiceSettingNotFound, Validation
from fogbank.services.ssm.records import Setting

DEFAULT_TIER = "/ssm/parameter-store/default-parameter-tier"
_VALUES = {
    DEFAULT_TIER: ("Standard", "Advanced", "Intelligent-Tiering"),
    "/ssm/parameter-store/high-throughput-enabled": ("false", "true"),
}
"""The first value is the default. The throughput has no limit here: its setting is kept and shown."""


class ServiceSettings(ParameterBase):
    """The operations on service settings, of `SsmService`."""

    def get_service_setting(self, ctx: Context, *, SettingId: str) -> Answer:
        return {"ServiceSetting": self._described_setting(ctx, _setting_id(SettingId))}

    def reset_service_setting(self, ctx: Context, *, SettingId: str) -> Answer:
        setting_id = _setting_id(SettingId)
        self._tables.settings.delete((ctx.account, ctx.region, setting_id))
        return {"ServiceSetting": self._described_setting(ctx, setting_id)}

    def update_service_setting(self, ctx: Context, *, SettingId: str, SettingValue: str) -> Answer:
        setting_id = _setting_id(SettingId)
        if SettingValue not in _VALUES[setting_id]:  # AWS's sentence is not recorded.
            raise Validation(f"{SettingValue} is not a valid value of {setting_id}.")
        setting = Setting(SettingValue, ctx.now_ms, ctx.principal_arn)
        self._tables.settings.put((ctx.account, ctx.region, setting_id), setting)
        return {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _setting(self, ctx: Context, setting_id: str) -> str:
        setting = self._tables.settings.peek((ctx.account, ctx.region, setting_id))
        return setting.value if setting is not None else _VALUES[setting_id][0]

    def _described_setting(self, ctx: Context, setting_id: str) -> dict[str, Any]:
        setting = self._tables.settings.get((ctx.account, ctx.region, setting_id))
        answer: dict[str, Any] = {
            "SettingId": setting_id,
            "SettingValue": self._setting(ctx, setting_id),
            "LastModifiedUser": setting.user if setting is not None else "System",
            "ARN": ctx.arn("ssm", f"servicesetting{setting_id}"),
            "Status": "Customized" if setting is not None else "Default",
        }
        if setting is not None:
            answer["LastModifiedDate"] = setting.modified_ms / 1000
        return answer


def setting_id_of(text: str) -> str:
    """The id of a setting that is given by it or by its ARN."""
    return text.partition(":servicesetting")[2] if text.startswith("arn:") else text


def _setting_id(text: str) -> str:
    setting_id = setting_id_of(text)
    if setting_id in _VALUES:
        return setting_id
    if setting_id.startswith("/ssm/") and not setting_id.startswith("/ssm/parameter-store/"):
        raise NotImplementedInFogbank(f"The service setting {setting_id} is not implemented in Fogbank.")
    raise ServiceSettingNotFound()

"""The ways to keep functions warm, as parameters of the stack."""

ON_DEMAND, STATIC, SCALED, SNAPSTART = "on demand", "static", "scaled", "snapstart"
MODES = {
    ON_DEMAND: {"Provisioning": "none"},
    STATIC: {"Provisioning": "static"},
    SCALED: {"Provisioning": "scaled"},
    SNAPSTART: {"Provisioning": "none"},
}

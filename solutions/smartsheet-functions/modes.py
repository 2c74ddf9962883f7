"""The ways to keep functions warm, as parameters of the stack."""

ON_DEMAND, STATIC, SCALED, SNAPSTART, TRACKED = "on demand", "static", "scaled", "snapstart", "tracked"
MODES = {
    ON_DEMAND: {"Provisioning": "none"},
    STATIC: {"Provisioning": "static"},
    SCALED: {"Provisioning": "scaled"},
    SNAPSTART: {"Provisioning": "none"},
    TRACKED: {"Provisioning": "scaled"},
}
USUAL = (ON_DEMAND, STATIC, SCALED, SNAPSTART)

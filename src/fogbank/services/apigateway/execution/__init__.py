"""Requests to APIs, from the stage's URL to the integration and back.

`steps.py` has the order of things; `call.py` what is known of one request; `plan.py` a deployed API made ready. Behind
them, an integration is a backend: `functions.py`, `http.py`, `services.py` and `mocks.py`.
"""

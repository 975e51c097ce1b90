"""An audit with made-up responses, for the tests of pages."""

from __future__ import annotations

from dataclasses import replace

from lsbench.auditing.findings import Audit
from lsbench.auditing.response import Response

EVIL_KEY = "psnr:<script>alert(1)</script>/mouth"


def small_audit() -> Audit:
    """Three artifacts by two scores on two clips; one curve is not finite, and names are markup."""
    keys = (EVIL_KEY, "lmd")
    responses = {
        (name, key): response(name, key, 0.5, 0.6, 0.8, area)
        for name, area in (("mouth-blur", 1.0), ("late", 0.05), ("recoded", 0.5))
        for key in keys
    }
    nowhere = replace(responses["late", "lmd"], values=(float("inf"), 1.0, 1.0, 1.0))
    responses["late", "lmd"] = nowhere
    return Audit(
        {"name": "<b>toy</b>", "version": "1"},
        ("s1/a", "s1/b"),
        "two clips",
        keys,
        dict.fromkeys(keys, "higher"),
        responses,
        {"fid": "no <weights>"},
    )


def response(artifact: str, key: str, *areas: float) -> Response:
    steps = tuple(float(step) for step in range(len(areas)))
    values = tuple(30.0 - step for step in steps)
    return Response(
        artifact,
        key,
        steps,
        values,
        tuple(v - 1 for v in values),
        tuple(v + 1 for v in values),
        areas,
        areas,
        areas,
        areas,
        float("nan"),
        1.0,
        0.9,
    )

"""An audit as text: JSON, and Markdown with the table at a glance, thresholds and harmless changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsbench.auditing.findings import GRADES, Audit
from lsbench.auditing.response import Response
from lsbench.errors import RunError
from lsbench.report.audit.words import conditions, found_from, not_measured, paragraph
from lsbench.report.text.markdown import markdown_table
from lsbench.system import strict_json
from lsbench.system.strict_json import decode, encode

FORMAT = 1
_SERIES = ("strengths", "values", "low", "high", "auc", "auc_low", "auc_high", "louder")
_SINGLE = ("detected", "monotonicity", "ordered")


def to_json(audit: Audit) -> str:
    """Everything that the audit found. NaN is null, infinities are the texts "inf" and "-inf"."""
    artifacts = [
        {
            "name": each.name,
            "group": each.group,
            "what": each.what,
            "unit": each.unit,
            "strengths": list(audit.strengths(each.name)),
            "strength": audit.strength(each.name),
            "harmless": each.harmless,
            "fault": each in audit.faults,
        }
        for each in audit.artifacts
    ]
    responses = [
        {
            "artifact": response.artifact,
            "key": response.key,
            "grade": audit.grade(response.artifact, response.key),
            **{name: [encode(value) for value in getattr(response, name)] for name in _SERIES},
            **{name: encode(getattr(response, name)) for name in _SINGLE},
        }
        for response in audit.responses.values()
    ]
    content = {
        "format": FORMAT,
        "protocol": dict(audit.protocol),
        "clips": list(audit.clips),
        "units": audit.units,
        "seed": audit.seed,
        "step": audit.step,
        "keys": list(audit.keys),
        "better": dict(audit.better),
        "unavailable": dict(audit.unavailable),
        "artifacts": artifacts,
        "responses": responses,
        "alarms": {key: [[name, strength] for name, strength in audit.alarms(key)] for key in audit.keys},
        "noticed": {key: audit.noticed(key) for key in audit.keys},
        "unnoticed": audit.unnoticed,
        "recommended": list(audit.recommended),
        "words": paragraph(audit),
    }
    return strict_json.text(content, indent=1)


def from_json(text: str, where: str) -> Audit:
    """The audit that to_json() wrote; RunError naming `where` it is from for anything else."""
    try:
        content = strict_json.parse(text)
        if content["format"] != FORMAT:
            raise RunError(f"{where}: audit of format {content['format']}; this version reads format {FORMAT}")
        responses = {(each["artifact"], each["key"]): _response(each) for each in content["responses"]}
        return Audit(
            content["protocol"],
            tuple(content["clips"]),
            content["units"],
            tuple(content["keys"]),
            content["better"],
            responses,
            content["unavailable"],
            content["seed"],
            content["step"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{where}: not an audit.json of lsbench ({error!r}); run lsbench audit again") from error


def to_markdown(audit: Audit) -> str:
    """The words, the table at a glance, the smallest strengths that are detected, and the harmless changes."""
    return "\n".join(
        [
            "".join(f"{sentence}\n" for sentence in paragraph(audit)),
            f"{conditions(audit)}\n",
            markdown_table(["step", "artifact", *audit.keys], _glance(audit)),
            "Smallest strength detected at an AUC of 0.9:\n",
            markdown_table(["verdict at", "artifact", *audit.keys], _thresholds(audit)),
            "Harmless changes taken for faults, and how often the stronger of two faults scores worse (mean over "
            "faults; 0.5 is chance):\n",
            markdown_table(["notices", "score", "false alarms", "orders", "monotone"], reliability(audit)),
            "".join(f"- {line}\n" for line in not_measured(audit)),
        ]
    )


def reliability(audit: Audit) -> list[list[str]]:
    """For each score how many faults it notices, its false alarms, how often it orders two strengths rightly, and the
    mean of Spearman's correlation of strength and badness."""
    rows = []
    for key in audit.keys:
        responses = [audit.responses[each.name, key] for each in audit.faults]
        count = max(1, len(responses))
        rows.append(
            [
                f"{len(audit.noticed(key))}/{len(audit.faults)}",
                key,
                f"{len(audit.alarms(key))}/{audit.harmless(key)}",
                f"{sum(each.ordered for each in responses) / count:.2f}",
                f"{sum(each.monotonicity for each in responses) / count:.2f}",
            ]
        )
    return rows


def _glance(audit: Audit) -> list[list[str]]:
    return [
        [
            each.said(audit.strength(each.name)),
            each.name + ("" if each in audit.faults else " (harmless)"),
            *[GRADES[audit.grade(each.name, key)] for key in audit.keys],
        ]
        for each in audit.artifacts
    ]


def _thresholds(audit: Audit) -> list[list[str]]:
    return [
        [each.said(audit.strength(each.name)), each.name, *[found_from(audit, each.name, key) for key in audit.keys]]
        for each in audit.artifacts
    ]


def _response(content: Mapping[str, Any]) -> Response:
    fields: dict[str, Any] = {name: tuple(decode(value) for value in content[name]) for name in _SERIES}
    fields |= {name: decode(content[name]) for name in _SINGLE}
    return Response(content["artifact"], content["key"], **fields)

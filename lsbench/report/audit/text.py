"""An audit as text: JSON, and Markdown with the table at a glance, thresholds and harmless changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsbench.auditing.artifacts.catalogue import ARTIFACTS
from lsbench.auditing.findings import GRADES, Audit
from lsbench.auditing.response import Response
from lsbench.errors import RunError
from lsbench.metrics._base.direction import ARROWS
from lsbench.protocol.facts import NAMED_FACTS
from lsbench.report.audit.words import conditions, found_from, not_measured, paragraph
from lsbench.report.text.markdown import markdown_table
from lsbench.system import shape, strict_json
from lsbench.system.shape import shown
from lsbench.system.strict_json import encode

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
        if content.get("format") != FORMAT:
            raise RunError(
                f"{where}: audit of format {shown(content.get('format'))}; this version reads format {FORMAT}, not an "
                "audit.json of another. Run lsbench audit again"
            )
        fields = _AUDIT(content, "")
        return _audit(fields)
    except ValueError as fault:
        raise RunError(f"{where}: not an audit.json of lsbench: {fault}; run lsbench audit again") from fault


def _audit(fields: Mapping[str, Any]) -> Audit:
    """The audit of a document whose fields are as they should be; ValueError where they contradict each other."""
    responses = {(each["artifact"], each["key"]): _response(each) for each in fields["responses"]}
    artifacts = dict.fromkeys(artifact for artifact, _ in responses)
    if not fields["keys"] or set(responses) != {(artifact, key) for artifact in artifacts for key in fields["keys"]}:
        raise ValueError("responses are not one for each of the keys by each artifact")
    if set(fields["better"]) != set(fields["keys"]):
        raise ValueError("better does not hold each of the keys")
    for (artifact, key), response in responses.items():
        count = len(responses[artifact, fields["keys"][0]].strengths)
        for name in _SERIES:
            if len(getattr(response, name)) != count or not count:
                raise ValueError(f"the {name} of {key} by {artifact} are not one for each strength")
    names = ("protocol", "clips", "units", "keys", "better")
    own = {name: fields[name] for name in (*names, "unavailable", "seed", "step")}
    return Audit(responses=responses, **own)


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


def _response(fields: Mapping[str, Any]) -> Response:
    return Response(**{name: value for name, value in fields.items() if name != "grade"})


_AUDIT = shape.record(
    {
        "format": shape.choice(FORMAT),
        "protocol": NAMED_FACTS,
        "clips": shape.listed(shape.name),
        "units": shape.text,
        "seed": shape.whole(-shape.MOST),
        "step": shape.whole(1),
        "keys": shape.listed(shape.name),
        "better": shape.table(shape.choice(*ARROWS)),
        "unavailable": shape.table(shape.text),
        "responses": shape.listed(
            shape.record(
                {
                    "artifact": shape.choice(*ARTIFACTS),
                    "key": shape.name,
                    **dict.fromkeys(_SERIES, shape.listed(shape.encoded)),
                    **dict.fromkeys(_SINGLE, shape.encoded),
                },
                {"grade": shape.text},
            )
        ),
    },
    # What follows from the rest, for those who read the file otherwise.
    dict.fromkeys(("artifacts", "alarms", "noticed", "unnoticed", "recommended", "words"), shape.anything),
)

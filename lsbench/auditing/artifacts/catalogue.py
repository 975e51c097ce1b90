"""All artifacts by name, in the order in which the audit shows them."""

from __future__ import annotations

from lsbench.auditing.artifacts.artifact import Artifact
from lsbench.auditing.artifacts.box import BOX
from lsbench.auditing.artifacts.frame import CONTROL, FRAME
from lsbench.auditing.artifacts.mouth import MOUTH
from lsbench.auditing.artifacts.sound import SOUND
from lsbench.auditing.artifacts.time import TIME
from lsbench.errors import ArtifactError
from lsbench.registry import unknown

ARTIFACTS = {artifact.name: artifact for artifact in (*MOUTH, *BOX, *TIME, *SOUND, *FRAME, CONTROL)}


def artifact(name: str) -> Artifact:
    """The artifact of a name; ArtifactError with near matches."""
    if name not in ARTIFACTS:
        raise ArtifactError(unknown("artifact", name, ARTIFACTS))
    return ARTIFACTS[name]

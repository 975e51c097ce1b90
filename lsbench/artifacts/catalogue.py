"""All artifacts by name, in the order in which the audit shows them."""

from __future__ import annotations

from lsbench.artifacts.artifact import Artifact
from lsbench.artifacts.box import BOX
from lsbench.artifacts.frame import CONTROL, FRAME
from lsbench.artifacts.mouth import MOUTH
from lsbench.artifacts.sound import SOUND
from lsbench.artifacts.time import TIME
from lsbench.errors import ArtifactError
from lsbench.registry import unknown

ARTIFACTS = {artifact.name: artifact for artifact in (*MOUTH, *BOX, *TIME, *SOUND, *FRAME, CONTROL)}


def artifact(name: str) -> Artifact:
    """The artifact of a name; ArtifactError with near matches."""
    if name not in ARTIFACTS:
        raise ArtifactError(unknown("artifact", name, ARTIFACTS))
    return ARTIFACTS[name]

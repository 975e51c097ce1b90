"""A generator of one's own: `lsbench score py:painted_mouth:PaintedMouth --reference REAL`."""

import numpy as np

from lsbench import Generator, Region, Rendered


class PaintedMouth(Generator):
    """Paints a box over the mouth, the brighter the louder the speech is."""

    needs_track = True

    def render(self, face, speech, track):  # uint8 (T, H, W, 3) in face.frames; float32 (N,) at face.sample_rate
        boxes, samples = track.box(Region.MOUTH), face.sample_rate / face.fps
        for frame, (x0, y0, x1, y1) in enumerate(boxes):
            heard = speech[round(frame * samples) : round((frame + 1) * samples)]
            face.frames[frame, y0:y1, x0:x1] = 255 * min(1, np.abs(heard).max(initial=0))
        return Rendered(face.frames, boxes)

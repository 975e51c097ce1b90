"""A program for `cmd:`: puts a video through FFmpeg's own filters, with PyAV, and lays the sound under it.

    lsbench score 'cmd:python docs/examples/ffmpeg_filter.py {video} {audio} {output} gblur=sigma=2' --reference grid

It knows nothing of lsbench, and it makes no lips move: it shows how a program is scored.
"""

import sys

import av
from av.filter import Graph


def main(video: str, audio: str, output: str, filters: str = "gblur=sigma=2") -> None:
    """Read VIDEO and AUDIO, write OUTPUT: filtered H.264, and AAC."""
    with av.open(video) as pictures, av.open(audio) as sound, av.open(output, "w") as made:
        source = pictures.streams.video[0]
        stream = made.add_stream("libx264", rate=source.average_rate)
        stream.width, stream.height, stream.pix_fmt = source.width, source.height, "yuv444p"
        stream.options = {"crf": "0"}
        voice = made.add_stream("aac", rate=sound.streams.audio[0].rate, layout="mono")

        graph = Graph()
        graph.link_nodes(
            graph.add_buffer(template=source),
            *[graph.add(*part.partition("=")[::2]) for part in filters.split(",")],
            graph.add("format", "yuv444p"),
            graph.add("buffersink"),
        ).configure()
        for frame in pictures.decode(video=0):
            graph.push(frame)
            made.mux(stream.encode(graph.pull()))
        made.mux(stream.encode())
        for block in sound.decode(audio=0):
            made.mux(voice.encode(block))
        made.mux(voice.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])

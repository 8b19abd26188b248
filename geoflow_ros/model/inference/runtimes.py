"""One interface to every way of running a network: `accelerated(model, runtime)`."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import Runtime
from geoflow_ros.model.inference.artefacts import forget
from geoflow_ros.model.inference.compiled import compiled_parts
from geoflow_ros.model.inference.cuda.cuda_model import CudaModel
from geoflow_ros.model.inference.engines import CompiledTorch, Engine, ExportedEngine, HalfTorch, OnnxRuntime, OpenVino
from geoflow_ros.model.inference.exported import GROUND, SATELLITE, example_inputs
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.inference.quantization import quantized
from geoflow_ros.model.interface import Flow, Latent, Lifter, LocalizationModel, Match, PoseGrid, Read

LOGGER = logging.getLogger(__name__)
MANY_HYPOTHESES = 400
EXACT, ROUNDED = 1e-3, 0.15  # error of the features against torch in float32, relative to their size


PRECISIONS = {Runtime.OPENVINO: "f32", Runtime.OPENVINO_BF16: "bf16", Runtime.OPENVINO_INT8: "int8"}
ROUNDING = (Runtime.OPENVINO_BF16, Runtime.OPENVINO_INT8, Runtime.TORCH_BF16)


class Accelerated(LocalizationModel):
    """A network whose image encoders an engine computes; the rest stays with torch, unless it is here compiled."""

    matching: Match | None = None
    reading: Read | None = None

    def __init__(self, model: LocalizationModel, engine: Engine) -> None:
        super().__init__()
        self.config, self.inner, self.engine = model.config, model, engine

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        if len(ground) == 1:
            return self.engine.ground(ground, lift)
        grids = [None] * len(ground) if lift is None else singles(lift)
        return torch.cat([self.engine.ground(*one) for one in zip(singles(ground), grids, strict=True)])

    def lifter(self, ground: Tensor) -> Lifter | None:
        return self.engine.lifter(ground)

    def satellite_features(self, satellite: Tensor) -> Tensor:
        return torch.cat([self.engine.satellite(one) for one in singles(satellite)])

    def prepare_satellite(self, features: Tensor) -> Tensor:
        return self.inner.prepare_satellite(features)

    def match(
        self, ground: Tensor, satellite: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        if self.matching is None or len(ground) > 1:
            return self.inner.match(ground, satellite, yaw_offset, yaw_reach)
        with self.small_work(1):
            return self.matching(ground, satellite, 0.0 if yaw_offset is None else yaw_offset.item(), yaw_reach)

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        with self.small_work(hypotheses.shape[1]):
            return self.inner.flow(latent, hypotheses)

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        with self.small_work(hypotheses.shape[1]):
            return self.inner.log_density(latent, hypotheses)

    def log_likelihood(self, latent: Latent, hypotheses: Tensor) -> Tensor | None:
        if self.reading is not None and len(hypotheses) == 1:
            return self.reading(latent.volume, hypotheses)
        with self.small_work(hypotheses.shape[1]):
            return self.inner.log_likelihood(latent, hypotheses)

    def pose_grid(self, latent: Latent) -> PoseGrid | None:
        return self.inner.pose_grid(latent)

    @contextmanager
    def small_work(self, hypotheses: int) -> Iterator[None]:
        """On one thread where the engine has its own: torch's others would spin on into the engine's next turn.

        Unless there are so many hypotheses that sharing them out saves more than that. torch's own `match` shares its
        work: the refinement after it gives the other threads the time to end.
        """
        threads = torch.get_num_threads()
        if isinstance(self.engine, ExportedEngine) and hypotheses < MANY_HYPOTHESES:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def singles(batch: Tensor) -> list[Tensor]:
    """(1, ...) of each member of a batch (B, ...)."""
    return [batch[index : index + 1] for index in range(len(batch))]


def accelerated(model: LocalizationModel, runtime: Runtime) -> LocalizationModel:
    """The network ready for inference by a runtime, as `chosen` chooses it."""
    return chosen(model, runtime)[1]


def chosen(model: LocalizationModel, runtime: Runtime) -> tuple[Runtime, LocalizationModel]:
    """A runtime and the network that it runs; one that cannot run here or computes wrongly is an InputError.

    `auto` takes the first of `candidates` that can and agrees with torch, with a warning for each that does not.
    """
    reference = prepare(model)
    if runtime is not Runtime.AUTO:
        return runtime, started(reference, runtime)
    refused: list[str] = []
    for candidate in candidates():
        try:
            return candidate, started(reference, candidate)
        except InputError as error:
            if str(error) not in refused:
                LOGGER.warning("%s; trying another runtime", error)
            refused.append(str(error))
    return Runtime.TORCH, reference


def candidates() -> tuple[Runtime, ...]:
    """The runtimes that suit this machine, fastest first; plain torch is what remains."""
    gpu = (Runtime.CUDA,) if torch.cuda.is_available() else ()
    half = computes_in_bf16()
    openvino = (Runtime.OPENVINO_BF16, Runtime.OPENVINO) if half else (Runtime.OPENVINO,)
    return *gpu, *openvino, Runtime.ONNXRUNTIME, *((Runtime.TORCH_BF16,) if half else ())


def computes_in_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; converting to and fro without that is slower than float32."""
    has_instructions = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return has_instructions is not None and bool(has_instructions())


def started(reference: LocalizationModel, runtime: Runtime) -> LocalizationModel:
    """The prepared network run by this runtime, once its features were compared with torch's."""
    if runtime in (Runtime.AUTO, Runtime.TORCH):
        return reference
    if runtime is Runtime.CUDA:
        return CudaModel(reference)
    limit = ROUNDED if runtime in ROUNDING else EXACT
    try:
        engine, error = _compared(reference, runtime)
        if not error <= limit and isinstance(engine, ExportedEngine):
            forget(engine.artefact)  # perhaps only the copy on disk is bad
            engine, error = _compared(reference, runtime)
    except InputError:
        raise
    except Exception as failure:  # each runtime has errors of its own, and whichever it is, it cannot be used
        reason = str(failure).strip().partition("\n")[0]
        raise InputError(f"runtime {runtime.value} failed ({reason}): choose another runtime") from failure
    if not error <= limit:
        raise InputError(
            f"runtime {runtime.value} computes features that differ by {error:.1%} from torch, "
            f"allowed are {limit:.1%}: choose another runtime"
        )
    faster = Accelerated(reference, engine)
    faster.refinement, faster.matching, faster.reading = compiled_parts(reference)
    return faster


def _compared(reference: LocalizationModel, runtime: Runtime) -> tuple[Engine, float]:
    engine = _built(reference, runtime)
    return engine, disagreement(reference, engine)


def _built(model: LocalizationModel, runtime: Runtime) -> Engine:
    threads = torch.get_num_threads()
    if runtime is Runtime.TORCH_BF16:
        return HalfTorch(model)
    if runtime is Runtime.TORCH_COMPILE:
        return CompiledTorch(model)
    if runtime is Runtime.ONNXRUNTIME:
        return OnnxRuntime(model, threads)
    return OpenVino(quantized(model) if runtime is Runtime.OPENVINO_INT8 else model, threads, PRECISIONS[runtime])


@torch.inference_mode()
def disagreement(reference: LocalizationModel, engine: Engine) -> float:
    """Largest error of an engine's features on fixed inputs, relative to the size of torch's."""
    inputs = example_inputs(reference)
    image, *lift = inputs[GROUND]
    image, grid = image.permute(0, 3, 1, 2), lift[0] if lift else None
    patch = inputs[SATELLITE][0].permute(0, 3, 1, 2)
    seen = reference.encode_ground(image, grid)
    pairs = [(engine.ground(image, grid), seen), (engine.satellite(patch), reference.satellite_features(patch))]
    if grid is not None and (lifter := engine.lifter(image)):
        pairs.append((lifter(grid), seen))
    return float(torch.stack([(ours - theirs).norm() / theirs.norm() for ours, theirs in pairs]).max())  # NaN wins

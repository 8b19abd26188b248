"""The two image encoders of a network, computed by torch, OpenVINO or ONNX Runtime."""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.inference.artefacts import Write, artefact, fingerprint, forget
from geoflow_ros.model.inference.exported import GROUND, LIFT, SATELLITE, TRUNK, example_inputs, networks_of
from geoflow_ros.model.inference.quantization import computes_in_int8
from geoflow_ros.model.interface import Lifter, LocalizationModel


class Engine(ABC):
    """Computes what `encode_ground`, `lifter` and `satellite_features` of a network do, of one image at a time."""

    @abstractmethod
    def ground(self, image: Tensor, lift: Tensor | None) -> Tensor:
        """Features (1, C, ...) of a uint8 frame (1, 3, H, W)."""

    @abstractmethod
    def lifter(self, image: Tensor) -> Lifter | None:
        """`ground` of a frame as a function of the lift; None where the network does not lift."""

    @abstractmethod
    def satellite(self, image: Tensor) -> Tensor:
        """Features (1, C, h, w) of a uint8 patch (1, 3, S, S)."""


class HalfTorch(Engine):
    """torch with convolutions in bfloat16."""

    def __init__(self, model: LocalizationModel) -> None:
        self._model = model

    def ground(self, image: Tensor, lift: Tensor | None) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self._model.encode_ground(image, lift).float()

    def lifter(self, image: Tensor) -> Lifter | None:
        with torch.autocast("cpu", torch.bfloat16):
            lifter = self._model.lifter(image)
        return None if lifter is None else partial(_half_lifted, lifter)

    def satellite(self, image: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self._model.satellite_features(image).float()


def _half_lifted(lifter: Lifter, lift: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return lifter(lift).float()


class CompiledTorch(Engine):
    """torch.compile: needs a C++ compiler, and half a minute on the first frame."""

    def __init__(self, model: LocalizationModel) -> None:
        self._model = model
        self._ground: Any = torch.compile(model.encode_ground)
        self._satellite: Any = torch.compile(model.satellite_features)

    def ground(self, image: Tensor, lift: Tensor | None) -> Tensor:
        features: Tensor = self._ground(image, lift)
        return features

    def lifter(self, image: Tensor) -> Lifter | None:
        return self._model.lifter(image)  # of few frames: not worth half a minute more

    def satellite(self, image: Tensor) -> Tensor:
        features: Tensor = self._satellite(image)
        return features


class ExportedEngine(Engine):
    """Base of the engines whose networks are exported, kept on disk and run elsewhere."""

    suffix: str

    def __init__(self, model: LocalizationModel, threads: int) -> None:
        networks, inputs = networks_of(model), example_inputs(model)
        self._names = [*networks]

        def write(folder: Path) -> None:
            for name, network in networks.items():
                with _quiet():
                    self.write(network.eval(), inputs[name], folder / f"{name}.{self.suffix}")

        self.artefact = f"{self.suffix}-{fingerprint(model, model.config, self.version())}"
        try:
            self._networks = self._read_all(write, threads)
        except Exception:  # whatever the library says of a damaged file: it can be written again
            forget(self.artefact)
            self._networks = self._read_all(write, threads)

    def _read_all(self, write: Write, threads: int) -> dict[str, Any]:
        with artefact(self.artefact, write) as folder:
            return {name: self.read(folder / f"{name}.{self.suffix}", threads) for name in self._names}

    @abstractmethod
    def version(self) -> str:
        """Of the library."""

    @abstractmethod
    def write(self, network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> None:
        """Export a network."""

    @abstractmethod
    def read(self, path: Path, threads: int) -> Any:
        """The exported network, ready to run."""

    @abstractmethod
    def run(self, network: Any, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        """The network's output, in memory of its own."""

    def ground(self, image: Tensor, lift: Tensor | None) -> Tensor:
        return self._run(GROUND, image.permute(0, 2, 3, 1), *([] if lift is None else [lift]))

    def lifter(self, image: Tensor) -> Lifter | None:
        if TRUNK not in self._networks:
            return None
        return partial(self._run, LIFT, self._run(TRUNK, image.permute(0, 2, 3, 1)))

    def satellite(self, image: Tensor) -> Tensor:
        return self._run(SATELLITE, image.permute(0, 2, 3, 1))

    def _run(self, name: str, *inputs: Tensor) -> Tensor:
        arrays = [np.ascontiguousarray(each.numpy()) for each in inputs]
        return torch.from_numpy(self.run(self._networks[name], arrays))


class Request:
    """A network of OpenVINO's ready to run, with the memory it reads and writes: binding others takes 0.2 ms a run."""

    def __init__(self, request: Any, inputs: int) -> None:
        self.request = request
        self.inputs: list[NDArray[Any]] = [request.get_input_tensor(index).data for index in range(inputs)]
        self.output: NDArray[np.float32] = request.get_output_tensor(0).data


class OpenVino(ExportedEngine):
    """OpenVINO on the CPU, its arithmetic in `precision`: f32, bf16, or int8 for a network that is `quantized`."""

    suffix = "xml"

    def __init__(self, model: LocalizationModel, threads: int, precision: str) -> None:
        try:
            import openvino
        except ImportError as error:
            raise InputError("runtime openvino is not installed: pip install openvino") from error
        self._openvino, self._core, self._precision = openvino, openvino.Core(), precision
        self._core.set_property({"ENABLE_MMAP": False})  # a cache that is cut while it is mapped would end the process
        if precision == "bf16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise InputError("runtime openvino-bf16 needs a processor that computes in bfloat16: choose openvino")
        super().__init__(model, threads)

    def version(self) -> str:
        return str(self._openvino.__version__)

    def write(self, network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> None:
        trace: Any = torch.jit.trace
        traced = trace(network, inputs, strict=False, check_trace=False)  # every start compares the features
        converted = self._openvino.convert_model(traced, example_input=inputs)
        converted.reshape({index: list(entry.shape) for index, entry in enumerate(inputs)})
        self._openvino.save_model(converted, path, compress_to_fp16=False)

    def read(self, path: Path, threads: int) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self._precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        if self._precision == "int8" and not computes_in_int8():
            settings["LP_TRANSFORMS_MODE"] = False  # 8-bit sums would overflow: what is rounded is added up in float32
        compiled = self._core.compile_model(self._core.read_model(path), "CPU", settings)
        return Request(compiled.create_infer_request(), len(compiled.inputs))

    def run(self, network: Request, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        for memory, entry in zip(network.inputs, inputs, strict=True):
            np.copyto(memory, entry)
        network.request.infer()
        return network.output.copy()


class OnnxRuntime(ExportedEngine):
    """ONNX Runtime on the CPU."""

    suffix = "onnx"

    def __init__(self, model: LocalizationModel, threads: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError("runtime onnxruntime is not installed: pip install onnxruntime onnx onnxscript") from error
        onnxruntime.disable_telemetry_events()  # nothing of this machine is reported to anybody
        self._onnxruntime = onnxruntime
        super().__init__(model, threads)

    def version(self) -> str:
        return str(self._onnxruntime.__version__)

    def write(self, network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> None:
        try:
            torch.onnx.export(network, inputs, path, dynamo=True, verbose=False, external_data=False)
        except ImportError as error:
            raise InputError(f"runtime onnxruntime cannot export ({error}): pip install onnx onnxscript") from error

    def read(self, path: Path, threads: int) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Two sessions whose idle threads spin take each other's cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        network = path.read_bytes()  # a file that is cut while it is mapped would end the process
        return self._onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def run(self, network: Any, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        names = [each.name for each in network.get_inputs()]
        return np.asarray(network.run(None, dict(zip(names, inputs, strict=True)))[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' remarks, which are about their own insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)

"""The machine a figure was taken on, and what a process uses of it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from geoflow_ros.errors import InputError

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "asimd", "bf16")
"""Instruction sets that decide how fast a network runs."""
LIBRARIES = ("torch", "openvino", "onnxruntime", "numpy")


@dataclass(frozen=True, slots=True)
class Machine:
    """flags: those of `FLAGS` the processor has. threads: of torch. gpu: None where torch sees none."""

    processor: str
    cores: int
    threads: int
    flags: tuple[str, ...]
    memory_gb: float
    system: str
    python: str
    libraries: dict[str, str | None]
    gpu: str | None


def this_machine() -> Machine:
    """What this process runs on."""
    facts = _cpu_facts()
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return Machine(
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        flags=tuple(flag for flag in FLAGS if flag in flags),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=platform.platform(),
        python=platform.python_version(),
        libraries={name: _installed(name) for name in LIBRARIES},
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    )


def resident_mb(pid: int | None = None) -> float:
    """Memory (MiB) that a process, by default this one, holds now."""
    return _status_mb("VmRSS", pid)


def peak_resident_mb(pid: int | None = None) -> float:
    """The most memory (MiB) that a process, by default this one, has held."""
    return _status_mb("VmHWM", pid)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in all its threads."""
    text = _of_process("stat", pid)
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold spaces
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status_mb(field: str, pid: int | None) -> float:
    line = next(line for line in _of_process("status", pid or os.getpid()).splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def _of_process(file: str, pid: int) -> str:
    path = Path(f"/proc/{pid}/{file}")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"use of memory and processor cannot be read from {path} ({error.strerror}): needs Linux"
        ) from error


def _cpu_facts() -> dict[str, str]:
    """`key: value` lines of the first processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

import pytest
import torch
from torch import Tensor

from geoflow_ros.model.smooth_reading import read_smoothly

SHAPE = (5, 9, 9)  # headings, v, u


def parabola(index: Tensor, peak: tuple[float, float, float]) -> Tensor:
    """The log of a Gaussian (...) at indices (..., 3) of (u, v, heading)."""
    return 10.0 - (torch.tensor([0.5, 0.3, 0.2]) * (index - torch.tensor(peak)).square()).sum(-1)


def nodes() -> Tensor:
    """Indices (u, v, heading) of every cell: (5, 9, 9, 3)."""
    heading, v, u = torch.meshgrid(*(torch.arange(float(size)) for size in SHAPE), indexing="ij")
    return torch.stack([u, v, heading], dim=-1)


def test_cells_read_as_they_are_and_a_gaussian_is_exact_between_them() -> None:
    peaks = [(4.3, 3.6, 2.4), (3.0, 5.5, 1.7)]
    volume = torch.stack([parabola(nodes(), peak) for peak in peaks])
    generator = torch.Generator().manual_seed(0)
    between = 1.0 + torch.rand(2, 50, 3, generator=generator) * torch.tensor([6.0, 6.0, 2.0])
    read = read_smoothly(volume, between)
    for member, peak in enumerate(peaks):
        assert read[member].tolist() == pytest.approx(parabola(between[member], peak).tolist(), abs=1e-3)
    cells = nodes().reshape(1, -1, 3).expand(2, -1, -1)
    assert torch.allclose(read_smoothly(volume, cells), volume.flatten(1), atol=1e-5)


def test_the_highest_reading_is_where_the_peak_is_not_at_a_cell() -> None:
    volume = parabola(nodes(), (4.4, 4.0, 2.0))[None]
    along = torch.stack([torch.linspace(3.0, 6.0, 301), torch.full((301,), 4.0), torch.full((301,), 2.0)], dim=-1)
    assert along[read_smoothly(volume, along[None])[0].argmax(), 0].item() == pytest.approx(4.4, abs=0.02)


def test_outside_reads_zero() -> None:
    outside = torch.tensor([[[-0.6, 4.0, 2.0], [4.0, 8.6, 2.0], [4.0, 4.0, 5.0], [4.0, 4.0, 4.0]]])
    assert (read_smoothly(torch.full((1, *SHAPE), 7.0), outside)[0]).tolist() == pytest.approx([0.0, 0.0, 0.0, 7.0])

"""A town on the graphics card: buffers, and which part of them a view can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.town.props import FOLIAGE, INSTANCE_FLOATS, Shape, shape_meshes
from geoflow_ros.town.world import Town

Floats = NDArray[np.float64]
CHUNK_M = 48.0
GROUND_TOP_M = 0.05
"""What is lower than this lies on the ground and casts no shadow."""
_VERTEX = ("3f 3f 2f 3f 1f", "in_position", "in_normal", "in_uv", "in_tint", "in_layer")
_INSTANCE = ("4f 3f 3f /i", "place", "scale", "tint")
LARGEST_PROP_M = 7.0
"""Of the shapes that are not scaled when placed: the height of a street light."""


@dataclass(frozen=True, slots=True, eq=False)
class Spheres:
    """Bounding spheres: centers (n, 3), radii (n,)."""

    centers: Floats
    radii: Floats

    def visible(self, view_projection: Floats) -> NDArray[np.bool_]:
        """Which spheres (n,) touch the view volume of a 4 x 4 matrix."""
        planes = np.concatenate([view_projection[3] + view_projection[:3], view_projection[3] - view_projection[:3]])
        planes = planes / np.linalg.norm(planes[:, :3], axis=1, keepdims=True)
        distances = self.centers @ planes[:, :3].T + planes[:, 3]
        return np.asarray((distances > -self.radii[:, None]).all(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """matrix: 4 x 4, world to clip space. eye: (3,) m. smallest: size over distance below which props are left out."""

    matrix: Floats
    eye: Floats
    smallest: float = 0.0


class Mesh:
    """Quads on the card, drawable with any of the programs, as many times as there are instances."""

    def __init__(self, context: Any, programs: dict[str, Any], quads: NDArray[np.float32]) -> None:
        corner = np.arange(len(quads), dtype=np.uint32)[:, None] * 4
        self._vertices = context.buffer(quads.tobytes())
        self._indices = context.buffer((corner + np.array([0, 1, 2, 0, 2, 3], dtype=np.uint32)).tobytes())
        self._instances = context.buffer(reserve=INSTANCE_FLOATS * 4)
        self._context = context
        self._arrays: dict[str, Any] = {}
        self._programs = programs
        self._bind()

    def _bind(self) -> None:
        for array in self._arrays.values():
            array.release()
        self._arrays = {name: self._array(program) for name, program in self._programs.items()}

    def _array(self, program: Any) -> Any:
        return self._context.vertex_array(
            program,
            [(self._vertices, *_used(program, _VERTEX)), (self._instances, *_used(program, _INSTANCE))],
            self._indices,
        )

    def place(self, rows: NDArray[np.float32]) -> None:
        """Use these instances (n, INSTANCE_FLOATS) from now on."""
        if rows.nbytes > self._instances.size:
            self._instances.release()
            self._instances = self._context.buffer(reserve=2 * rows.nbytes)
            self._bind()
        self._instances.write(np.ascontiguousarray(rows).tobytes())

    def draw(self, program: str, instances: int, first: int = 0, quads: int = -1) -> None:
        """Draw `quads` quads (-1: all) from quad `first` on."""
        self._arrays[program].render(vertices=quads * 6 if quads >= 0 else -1, first=first * 6, instances=instances)

    def release(self) -> None:
        """Free the card's memory."""
        for item in (*self._arrays.values(), self._vertices, self._indices, self._instances):
            item.release()


def _used(program: Any, layout: tuple[str, ...]) -> tuple[str, ...]:
    """The buffer layout with attributes that a program has optimised away replaced by padding."""
    formats, names = layout[0].split(), layout[1:]
    suffix = " /i" if formats[-1] == "/i" else ""
    parts = [fmt if name in program else f"{int(fmt[0]) * 4}x" for fmt, name in zip(formats, names, strict=False)]
    return (" ".join(parts) + suffix, *(name for name in names if name in program))


class Chunks:
    """A static mesh in squares, of which a view draws those it can see, nearest first."""

    def __init__(self, context: Any, programs: dict[str, Any], quads: NDArray[np.float32]) -> None:
        quads, self._starts, self._spheres = _chunked(quads)
        self._mesh = Mesh(context, programs, quads)
        self._mesh.place(np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1, 1]], dtype=np.float32))

    def draw(self, view: View, program: str) -> None:
        """Draw the visible squares."""
        seen = np.flatnonzero(self._spheres.visible(view.matrix))
        nearest_first = np.argsort(np.linalg.norm(self._spheres.centers[seen] - view.eye, axis=1))
        for chunk in seen[nearest_first]:
            first = int(self._starts[chunk])
            self._mesh.draw(program, 1, first, int(self._starts[chunk + 1]) - first)

    def release(self) -> None:
        """Free the card's memory."""
        self._mesh.release()


class Scene:
    """A town's static mesh, and the props and cars that are picked anew for each view."""

    def __init__(self, context: Any, programs: dict[str, Any], town: Town) -> None:
        self.town = town
        raised = town.mesh[:, :, 2].max(axis=1) > GROUND_TOP_M
        # A card takes no empty mesh, and open land may have nothing that stands on it but props.
        self._ground, self._raised = (
            [Chunks(context, programs, quads)] if len(quads) else []
            for quads in (town.mesh[~raised], town.mesh[raised])
        )
        self._shapes = {shape: Mesh(context, programs, quads) for shape, quads in shape_meshes().items()}

    def draw(self, view: View, cars: dict[Shape, NDArray[np.float32]]) -> None:
        """Draw what a view can see, what stands first and then the ground that it hides."""
        for chunks in self._raised:
            chunks.draw(view, "surface")
        self._draw_props(view, cars, "surface", "foliage")
        for chunks in self._ground:
            chunks.draw(view, "surface")

    def draw_shadows(self, view: View, cars: dict[Shape, NDArray[np.float32]]) -> None:
        """Draw the depth of what casts shadows."""
        for chunks in self._raised:
            chunks.draw(view, "shadow")
        self._draw_props(view, cars, "shadow", "shadow")

    def _draw_props(self, view: View, cars: dict[Shape, NDArray[np.float32]], surface: str, foliage: str) -> None:
        for shape, mesh in self._shapes.items():
            rows = cars.get(shape, self.town.props[shape])
            size = rows[:, 4:7].max(axis=1).astype(np.float64) * (1.0 if shape in FOLIAGE else LARGEST_PROP_M)
            centers = rows[:, :3].astype(np.float64)
            centers[:, 2] += size / 2
            near = size > view.smallest * np.linalg.norm(centers - view.eye, axis=1)
            rows = rows[near & Spheres(centers, size * 0.9).visible(view.matrix)]
            if len(rows):
                mesh.place(rows)
                mesh.draw(foliage if shape in FOLIAGE else surface, len(rows))

    def release(self) -> None:
        """Free the card's memory."""
        for chunks in (*self._ground, *self._raised):
            chunks.release()
        for mesh in self._shapes.values():
            mesh.release()


def _chunked(quads: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64], Spheres]:
    """Quads ordered by square of CHUNK_M, high before low, with each square's first index and bounding sphere."""
    low, high = quads[:, :, :3].min(axis=1), quads[:, :, :3].max(axis=1)
    cell = np.floor((low[:, :2] + high[:, :2]) / 2 / CHUNK_M).astype(np.int64)
    key = (cell[:, 0] + 1000) * 2000 + cell[:, 1] + 1000
    order = np.lexsort([-high[:, 2], key])
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    low, high = np.minimum.reduceat(low[order], starts), np.maximum.reduceat(high[order], starts)
    low, high = low.astype(np.float64), high.astype(np.float64)
    spheres = Spheres((low + high) / 2.0, np.linalg.norm(high - low, axis=1) / 2.0)
    return quads[order], np.append(starts, len(quads)), spheres

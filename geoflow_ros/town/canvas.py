"""The OpenGL side of the pictures: context, programs, textures, shadows, sky, and the pixels read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.town import shaders
from geoflow_ros.town.height_codes import SKY, Codes
from geoflow_ros.town.look import Look, Season
from geoflow_ros.town.props import Shape
from geoflow_ros.town.scene import Scene, View
from geoflow_ros.town.textures import SIZE, Texture, texture_array
from geoflow_ros.town.world import Town

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]
Cars = dict[Shape, NDArray[np.float32]]
SHADOW_PX = 1024
TALLEST_M = 80.0
"""Shadows of what is higher may be missing."""
_LINEAR, _LINEAR_MIPMAP_NEAREST = 0x2601, 0x2701  # OpenGL names; trilinear would cost twice as much in software


def open_context() -> Any:
    """An off-screen OpenGL 3.3 context; an InputError that says what to install where there is none."""
    try:
        import moderngl

        options: dict[str, Any] = {"backend": "egl"}
        return moderngl.create_context(standalone=True, require=330, **options)
    except Exception as error:  # moderngl raises bare Exception, and ImportError when it is absent
        packages = f"{install_hint('town')} and apt install libegl1 libgl1-mesa-dri"
        raise InputError(f"the generated town needs moderngl and EGL: {packages} ({error})") from error


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """image: (H, W, 3) RGB. heights: of what it shows, rendered (H // 2, W // 2), see `height_codes`."""

    image: Image
    heights: Codes


class Canvas:
    """Draws one town at twice the wanted size, with the sun's shadows. Use it inside `with canvas.context`."""

    def __init__(self) -> None:
        self.context = open_context()
        self.context.enable(self.context.DEPTH_TEST | self.context.CULL_FACE)
        self.context.front_face = "cw"  # image row 0 comes first, which mirrors the winding
        fragment = shaders.SURFACE_FRAGMENT
        cutout = fragment.replace("#version 330", "#version 330\n#define CUTOUT")
        program = self.context.program
        self._programs = {
            "surface": program(vertex_shader=shaders.SURFACE_VERTEX, fragment_shader=fragment),
            "foliage": program(vertex_shader=shaders.SURFACE_VERTEX, fragment_shader=cutout),
            "shadow": program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT),
        }
        self._sky_program = program(vertex_shader=shaders.SKY_VERTEX, fragment_shader=shaders.SKY_FRAGMENT)
        corners = self.context.buffer(np.array([-1, -1, -1, 3, 3, -1], dtype=np.float32).tobytes())
        self._sky = self.context.vertex_array(self._sky_program, [(corners, "2f", "in_corner")])
        self._common = texture_array()
        self._layers = self.context.texture_array((SIZE, SIZE, len(Texture)), 4)
        self._layers.filter = (_LINEAR_MIPMAP_NEAREST, _LINEAR)
        self._shadow_map = self.context.depth_texture((SHADOW_PX, SHADOW_PX))
        self._shadow_map.compare_func = "<="
        self._shadow_target = self.context.framebuffer(depth_attachment=self._shadow_map)
        self._targets: dict[tuple[int, int], Any] = {}
        self._scene: Scene | None = None

    @property
    def scene(self) -> Scene:
        """The town on the card."""
        if self._scene is None:
            raise RuntimeError("no town is loaded: call Renderer.load(town) first")
        return self._scene

    def load(self, town: Town, layers: NDArray[np.uint8] | None = None) -> None:
        """Put a town on the card in place of the one before; layers: its own textures instead of the common ones."""
        if self._scene is not None:
            self._scene.release()
        self._layers.write((self._common if layers is None else layers).tobytes())
        self._layers.build_mipmaps()
        self._scene = Scene(self.context, self._programs, town)

    def cast_shadows(self, center: Floats, reach: float, look: Look, cars: Cars) -> None:
        """Render the depth map that the sun sees, `reach` metres around a point of the ground (2,)."""
        matrix = _sun_matrix(np.array([*center, 0.0]), reach, look.to_sun)
        for name in ("surface", "foliage"):
            self._programs[name]["shadow_projection"].write(_gl(_biased(matrix)))
        self._programs["shadow"]["view_projection"].write(_gl(matrix))
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self.scene.draw_shadows(View(matrix, 1e4 * look.to_sun), cars)

    def draw(self, size: tuple[int, int], view: View, look: Look, cars: Cars, haze: float) -> None:
        """Draw the town into the target of an image of (width, height) px; row 0 is at clip y = -1."""
        sun, ambient, horizon = look.light
        for name in ("surface", "foliage"):
            program = self._programs[name]
            values = {"eye": view.eye, "to_sun": look.to_sun, "sun": sun, "ambient": ambient, "horizon": horizon}
            for key, value in values.items():
                program[key].value = tuple(value)
            program["haze"].value, program["exposure"].value = haze, look.exposure
            program["noise_layer"].value = float(Texture.NOISE)
            program["layers"].value, program["shadows"].value = 0, 1
            program["layer_tint"].write(look.layer_tints().tobytes())
            program["view_projection"].write(_gl(view.matrix))
        self._programs["foliage"]["opaque_above"].value = 0.8 if look.season is Season.WINTER else 0.22
        target = self._target(size)
        target.use()
        target.clear(alpha=SKY / 255, depth=1.0)
        self._layers.use(0)
        self._shadow_map.use(1)
        self.scene.draw(view, cars)

    def draw_sky(self, projection: Floats, rotation: Floats, look: Look) -> None:
        """Fill what `draw` left open; rotation: world to camera axes right, up, back."""
        sun, _, horizon = look.light
        to_ray = np.eye(4)
        to_ray[:3, :3] = rotation.T @ np.array([
            [1 / projection[0, 0], 0, projection[0, 2] / projection[0, 0]],
            [0, 1 / projection[1, 1], projection[1, 2] / projection[1, 1]],
            [0, 0, -1.0],
        ])  # fmt: skip
        program = self._sky_program
        program["to_ray"].write(_gl(to_ray))
        for key, value in {"horizon": horizon, "to_sun": look.to_sun, "sun": sun}.items():
            program[key].value = tuple(value)
        program["cloud"].value, program["exposure"].value = look.cloud, look.exposure
        program["noise_layer"].value, program["layers"].value = float(Texture.NOISE), 0
        self.context.depth_func = "<="
        self._sky.render(vertices=3)
        self.context.depth_func = "<"

    def read(self, size: tuple[int, int]) -> Picture:
        """The picture of (width, height) px, averaged from the target's 2 x 2; heights, which no mean is of, picked."""
        width, height = size
        data = self._target(size).read(components=4)
        pixels = np.frombuffer(data, dtype=np.uint8).reshape(2 * height, 2 * width, 4)
        image = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)[..., :3]
        return Picture(np.ascontiguousarray(image, np.uint8), pixels[2::4, 2::4, 3].copy())

    def _target(self, size: tuple[int, int]) -> Any:
        if size not in self._targets:
            double = (2 * size[0], 2 * size[1])
            colour, depth = self.context.renderbuffer(double, 4), self.context.depth_renderbuffer(double)
            self._targets[size] = self.context.framebuffer([colour], depth)
        return self._targets[size]


def _sun_matrix(center: Floats, reach: float, to_sun: Floats) -> Floats:
    """Orthographic view from the sun of `reach` metres around a ground point and everything above it."""
    right = np.cross([0.0, 0.0, 1.0], to_sun)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(to_sun, right), -to_sun])
    matrix = np.eye(4)
    matrix[:3, :3] = axes / np.array([reach, reach, reach + TALLEST_M])[:, None]
    matrix[:3, 3] = -matrix[:3, :3] @ center
    return matrix


def _biased(matrix: Floats) -> Floats:
    """The sun's matrix with depths a little nearer to the sun, against surfaces shadowing themselves."""
    shifted = matrix.copy()
    shifted[2, 3] -= 0.25 * np.linalg.norm(matrix[2, :3])
    return shifted


def _gl(matrix: Floats) -> bytes:
    return matrix.T.astype(np.float32).tobytes()

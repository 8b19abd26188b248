"""GLSL of the town: textured, sunlit, shadowed, hazy surfaces, and the sky behind them.

Alpha is the height above ground, see `height_codes`.
"""

from __future__ import annotations

from geoflow_ros.town.height_codes import HIGHEST, SKY, STEP_M
from geoflow_ros.town.textures import Texture

_FRAGMENT_HEAD = f"""#version 330
const float code_of_metre = {1.0 / STEP_M}, highest = {HIGHEST}.0, sky_code = {SKY}.0;"""

_PLACE = """
in vec3 in_position; in vec3 in_normal; in vec2 in_uv; in vec3 in_tint; in float in_layer;
in vec4 place; in vec3 scale; in vec3 tint;
uniform mat4 view_projection;
mat3 turn() { float c = cos(place.w), s = sin(place.w); return mat3(c, s, 0, -s, c, 0, 0, 0, 1); }
vec3 world() { return turn() * (in_position * scale) + place.xyz; }
"""

SURFACE_VERTEX = f"""#version 330
{_PLACE}
uniform vec3 layer_tint[{len(Texture)}];
uniform mat4 shadow_projection;
out vec3 position; out vec3 normal; out vec2 uv; out vec3 surface_tint; flat out float layer; out vec3 in_shadow_map;
void main() {{
    position = world();
    normal = turn() * (in_normal / scale);
    uv = in_uv; layer = in_layer;
    surface_tint = in_tint * tint * layer_tint[int(in_layer)];
    in_shadow_map = (shadow_projection * vec4(position, 1)).xyz * 0.5 + 0.5;
    gl_Position = view_projection * vec4(position, 1);
}}"""

SURFACE_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
in vec3 position; in vec3 normal; in vec2 uv; in vec3 surface_tint; flat in float layer; in vec3 in_shadow_map;
uniform sampler2DArray layers; uniform sampler2DShadow shadows;
uniform vec3 eye; uniform vec3 to_sun; uniform vec3 sun; uniform vec3 ambient; uniform vec3 horizon;
uniform float haze; uniform float exposure; uniform float opaque_above; uniform float noise_layer;
out vec4 colour;
void main() {
    vec4 texel = texture(layers, vec3(uv, layer));
#ifdef CUTOUT
    if (texel.a < opaque_above) discard;
    vec3 albedo = texel.rgb * surface_tint;
#else
    vec3 albedo = texel.rgb * mix(vec3(1), surface_tint, texel.a);
#endif
    vec2 stain = mat2(0.8, 0.6, -0.6, 0.8) * (position.xy + position.z) / 61.0;
    albedo *= 0.8 + 0.4 * texture(layers, vec3(stain, noise_layer)).rgb;
    albedo *= albedo;
    vec3 n = normalize(normal);
#ifndef CUTOUT
    n = dot(n, eye - position) < 0.0 ? -n : n;
#endif
    float lit = max(dot(n, to_sun), 0.0);
    bool mapped = all(lessThan(abs(in_shadow_map - 0.5), vec3(0.5)));
    if (lit > 0.0 && mapped) lit *= texture(shadows, in_shadow_map);
    vec3 light = ambient * (0.62 + 0.38 * n.z) + sun * lit;
    float clear = exp(-haze * distance(eye, position));
    float height = clamp(round(position.z * code_of_metre), 0.0, highest) / 255.0;
    colour = vec4(sqrt(mix(horizon, albedo * light, clear) * exposure), height);
}"""
)

SHADOW_VERTEX = f"""#version 330
{_PLACE}
void main() {{ gl_Position = view_projection * vec4(world(), 1); }}"""

SHADOW_FRAGMENT = """#version 330
void main() {}"""

SKY_VERTEX = """#version 330
in vec2 in_corner;
uniform mat4 to_ray;
out vec3 ray;
void main() { ray = (to_ray * vec4(in_corner, 1, 1)).xyz; gl_Position = vec4(in_corner, 1, 1); }"""

SKY_FRAGMENT = (
    _FRAGMENT_HEAD
    + """
in vec3 ray;
uniform sampler2DArray layers; uniform float noise_layer;
uniform vec3 horizon; uniform vec3 to_sun; uniform vec3 sun; uniform float cloud; uniform float exposure;
out vec4 colour;
void main() {
    vec3 d = normalize(ray);
    float up = max(d.z, 0.0);
    vec3 blue = horizon * vec3(0.32, 0.55, 1.0);
    vec3 sky = mix(horizon, blue, (1.0 - cloud * 0.7) * smoothstep(0.0, 0.5, up));
    vec2 at = d.xy / (up + 0.12) * 0.18;
    float cover = texture(layers, vec3(at, noise_layer)).r * 0.7 + texture(layers, vec3(at * 3.1, noise_layer)).r * 0.3;
    cover = smoothstep(0.75 - 0.6 * cloud, 1.0 - 0.4 * cloud, cover) * smoothstep(0.0, 0.15, up);
    sky = mix(sky, horizon * (1.15 - 0.3 * cloud), cover);
    float glow = max(dot(d, to_sun), 0.0);
    sky += sun * (pow(glow, 2000.0) * 4.0 + pow(glow, 12.0) * 0.12) * (1.0 - cloud);
    colour = vec4(sqrt(sky * exposure), sky_code / 255.0);
}"""
)

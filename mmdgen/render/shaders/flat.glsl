// flat.glsl: all triangles in one colour, the least that drawing them can cost on a machine.
// EDGE: the outline's hull instead of the surface.

#if defined VERTEX_SHADER
#include "skinning.glsl"

uniform mat4 u_clip_from_world;
#if defined EDGE
#include "hull.glsl"
#endif

void main() {
    vec3 position;
    vec3 normal;
    skin(position, normal);
#if defined EDGE
    position = pushed_out(position, normal);
#endif
    gl_Position = u_clip_from_world * vec4(position, 1.0);
}

#elif defined FRAGMENT_SHADER

out vec4 out_color;

void main() {
    out_color = vec4(1.0);
}
#endif

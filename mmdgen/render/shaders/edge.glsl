// edge.glsl: the outline of one material, as an inverted hull: the mesh pushed out along its normals, drawn
// with the front faces culled, in one flat unlit colour.

#if defined VERTEX_SHADER
#include "skinning.glsl"

#include "hull.glsl"

uniform mat4 u_clip_from_world;

void main() {
    vec3 position;
    vec3 normal;
    skin(position, normal);
    gl_Position = u_clip_from_world * vec4(pushed_out(position, normal), 1.0);
}

#elif defined FRAGMENT_SHADER

uniform vec4 u_edge_color; // linear light
out vec4 out_color;

void main() {
    out_color = vec4(u_edge_color.rgb * u_edge_color.a, u_edge_color.a);
}
#endif

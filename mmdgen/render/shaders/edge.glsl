// edge.glsl: the outline of one material, as an inverted hull: the mesh pushed out along its normals, drawn
// with the front faces culled, in one flat unlit colour. Defined with EDGE.

#if defined VERTEX_SHADER
#include "skinning.glsl"
#include "hull.glsl"
#include "place.glsl"

#elif defined FRAGMENT_SHADER

uniform vec4 u_edge_color; // linear light
out vec4 out_color;

void main() {
    out_color = vec4(u_edge_color.rgb * u_edge_color.a, u_edge_color.a);
}
#endif

// flat.glsl: all triangles in one colour, the least that drawing them can cost on a machine.
// EDGE: the outline's hull instead of the surface.

#if defined VERTEX_SHADER
#include "skinning.glsl"
#if defined EDGE
#include "hull.glsl"
#endif
#include "place.glsl"

#elif defined FRAGMENT_SHADER

out vec4 out_color;

void main() {
    out_color = vec4(1.0);
}
#endif

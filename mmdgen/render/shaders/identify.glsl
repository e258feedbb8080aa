// identify.glsl: write, for each sample, the number of the triangle that is seen there.
// EDGE: of the outline's hull instead of the surface.

#if defined VERTEX_SHADER
#include "skinning.glsl"
#if defined EDGE
#include "hull.glsl"
#endif
#include "place.glsl"

#elif defined FRAGMENT_SHADER

uniform int u_first_number; // of the draw's first triangle; 0 stays for "nothing"
out float out_number; // exact in a float up to 16 million

void main() {
    out_number = float(u_first_number + gl_PrimitiveID);
}
#endif

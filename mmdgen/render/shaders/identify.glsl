// identify.glsl: write, for each sample, the number of the triangle that is seen there.
// EDGE: of the outline's hull instead of the surface.

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

uniform int u_first_number; // of the draw's first triangle; 0 stays for "nothing"
out float out_number; // exact in a float up to 16 million

void main() {
    out_number = float(u_first_number + gl_PrimitiveID);
}
#endif

// maps.glsl: what stands at each pixel, as numbers: surface normal, depth, and where it stands in a base pose.
// Surfaces whose alpha is below one half do not count.

#if defined VERTEX_SHADER
#include "skinning.glsl"

uniform mat4 u_clip_from_world;
uniform int u_base_pose;
uniform float u_size; // of the picture, pixels
noperspective out vec3 v_normal;
noperspective out vec2 v_uv;
noperspective out float v_depth;
noperspective out vec2 v_flow;

void main() {
    vec3 position;
    vec3 base_position;
    vec3 base_normal;
    skin(position, v_normal);
    v_uv = morphed_uv();
    skin_in(u_base_pose, base_position, base_normal);
    gl_Position = u_clip_from_world * vec4(position, 1.0);
    v_depth = position.z;
    // From here to there in the base picture, pixels, y down.
    vec4 base_clip = u_clip_from_world * vec4(base_position, 1.0);
    v_flow = (base_clip.xy - gl_Position.xy) * vec2(0.5, -0.5) * u_size;
}

#elif defined FRAGMENT_SHADER

uniform sampler2D u_texture;
uniform float u_alpha; // the material's

noperspective in vec3 v_normal;
noperspective in vec2 v_uv;
noperspective in float v_depth;
noperspective in vec2 v_flow;
layout(location = 0) out vec4 out_surface; // unit normal, depth
layout(location = 1) out vec4 out_flow; // flow, unused, 1

void main() {
    if (u_alpha * texture(u_texture, v_uv).a < 0.5) discard;
    float size = length(v_normal);
    out_surface = vec4(size > 0.0 ? v_normal / size : vec3(0.0), v_depth);
    out_flow = vec4(v_flow, 0.0, 1.0);
}
#endif

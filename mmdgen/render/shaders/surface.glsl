// surface.glsl: one material of a posed model, THA1's Phong in linear light.
// colour = texture * (K_a * L_a + K_d * max(0, n.l) * L_d); the light shines from the viewer, l = (0, 0, -1)
// in MMD axes; no specular, toon, sphere map or shadow. Writes colour multiplied by alpha.
// OPAQUE: for triangles whose alpha is 1 everywhere. Never discarding, it lets the depth test come first.
// PLAIN: no material morph is at work.

#if defined VERTEX_SHADER
#include "skinning.glsl"

uniform mat4 u_clip_from_world;
noperspective out vec3 v_normal;
noperspective out vec2 v_uv;

void main() {
    vec3 position;
    skin(position, v_normal);
    v_uv = morphed_uv();
    gl_Position = u_clip_from_world * vec4(position, 1.0);
}

#elif defined FRAGMENT_SHADER

uniform sampler2D u_texture; // in linear light; white where there is none
#if !defined PLAIN
uniform vec4 u_texture_multiply; // factors of material morphs; alpha is how far they apply
uniform vec4 u_texture_add;
#endif
uniform vec3 u_ambient; // K_a * L_a
uniform vec4 u_diffuse; // K_d * L_d, and the material's alpha

noperspective in vec3 v_normal;
noperspective in vec2 v_uv;
out vec4 out_color;

void main() {
    vec4 texel = texture(u_texture, v_uv);
#if defined PLAIN
    vec3 surface = texel.rgb;
#else
    vec3 surface = mix(vec3(1.0), texel.rgb * u_texture_multiply.rgb, u_texture_multiply.a);
    surface = clamp(surface + (surface - 1.0) * u_texture_add.a + u_texture_add.rgb, 0.0, 1.0);
#endif
#if defined OPAQUE
    float alpha = 1.0;
#else
    float alpha = clamp(u_diffuse.a * texel.a, 0.0, 1.0);
    if (alpha < 1e-7) discard;
#endif
    float size = dot(v_normal, v_normal);
    // A zero or broken normal gets no directional light, and does no other harm.
    float lambert = size > 0.0 ? max(0.0, -v_normal.z * inversesqrt(size)) : 0.0;
    vec3 color = surface * (u_ambient + u_diffuse.rgb * lambert);
    out_color = vec4(clamp(color, 0.0, 1.0) * alpha, alpha);
}
#endif

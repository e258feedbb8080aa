// toon.glsl: one material of a posed model as MikuMikuDance draws it, all in gamma space (no decoding).
//   base  = clamp(diffuse * light + ambient)                 (no n.l term: shade comes from the ramp)
//   color = base * texture, then sphere map (multiply, add, or sub-texture on additional UV 1)
//   color = color * ramp(0.5 - 0.5 n.l) + specular * light * max(0, n.h)^power
// The ramp's first row is lit, its last is shadow. Writes colour multiplied by alpha.
// OPAQUE: for triangles whose alpha is 1 everywhere. Never discarding, it lets the depth test come first.
// PLAIN: no material morph is at work.

#if defined VERTEX_SHADER
#include "skinning.glsl"

in vec2 in_sub_uv;
uniform mat4 u_clip_from_world;
noperspective out vec3 v_normal;
noperspective out vec2 v_uv;
noperspective out vec2 v_sub_uv;

void main() {
    vec3 position;
    skin(position, v_normal);
    v_uv = morphed_uv();
    v_sub_uv = in_sub_uv;
    gl_Position = u_clip_from_world * vec4(position, 1.0);
}

#elif defined FRAGMENT_SHADER

#define SPHERE_MULTIPLY 1
#define SPHERE_ADD 2
#define SPHERE_SUB_TEXTURE 3

uniform sampler2D u_texture;
uniform sampler2D u_sphere;
uniform sampler2D u_ramp;
uniform int u_sphere_mode;
uniform vec4 u_base; // clamp(diffuse * light + ambient), and the material's alpha
uniform vec4 u_specular; // specular * light, and its power; no highlight where the power is not above 0
uniform vec3 u_to_light; // unit vector
#if !defined PLAIN
uniform vec4 u_texture_multiply; // factors of material morphs; alpha is how far they apply
uniform vec4 u_texture_add;
uniform vec4 u_sphere_multiply;
uniform vec4 u_sphere_add;
uniform vec4 u_ramp_multiply;
uniform vec4 u_ramp_add;
#endif

noperspective in vec3 v_normal;
noperspective in vec2 v_uv;
noperspective in vec2 v_sub_uv;
out vec4 out_color;

const vec3 TO_EYE = vec3(0.0, 0.0, -1.0);

#if defined PLAIN
#define with_factors(color, multiply, add) (color)
#else
vec3 with_factors(vec3 color, vec4 multiply, vec4 add) {
    vec3 changed = mix(vec3(1.0), color * multiply.rgb, multiply.a);
    return clamp(changed + (changed - 1.0) * add.a + add.rgb, 0.0, 1.0);
}
#endif

void main() {
    vec4 texel = texture(u_texture, v_uv);
    float size = length(v_normal);
    vec3 normal = size > 0.0 ? v_normal / size : TO_EYE;
    vec3 color = u_base.rgb * with_factors(texel.rgb, u_texture_multiply, u_texture_add);
    float alpha = u_base.a * texel.a;
    if (u_sphere_mode != 0) {
        // View space: x right, y up; v counts down.
        vec2 uv = u_sphere_mode == SPHERE_SUB_TEXTURE ? v_sub_uv : vec2(0.5, -0.5) * normal.xy + 0.5;
        vec4 sphere = texture(u_sphere, uv);
        sphere.rgb = with_factors(sphere.rgb, u_sphere_multiply, u_sphere_add);
        if (u_sphere_mode == SPHERE_ADD) color += sphere.rgb;
        else { color *= sphere.rgb; alpha *= sphere.a; }
    }
    float ramp_v = clamp(0.5 - 0.5 * dot(normal, u_to_light), 0.0, 1.0);
    color *= with_factors(texture(u_ramp, vec2(0.5, ramp_v)).rgb, u_ramp_multiply, u_ramp_add);
    if (u_specular.w > 0.0) {
        float highlight = max(0.0, dot(normal, normalize(u_to_light + TO_EYE)));
        if (highlight > 0.0) color += u_specular.rgb * pow(highlight, u_specular.w);
    }
#if defined OPAQUE
    alpha = 1.0;
#else
    alpha = clamp(alpha, 0.0, 1.0);
    if (alpha < 1e-7) discard;
#endif
    out_color = vec4(clamp(color, 0.0, 1.0) * alpha, alpha);
}
#endif

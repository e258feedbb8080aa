// skinning.glsl: carry one vertex from the rest pose to where a pose puts it.
// in    rest position and normal, 4 bones, 4 weights that sum to 1, and where its extra data stand:
//       in_kind = (skinning kind, SDEF row), in_slots = (vertex-morph slot, UV-morph slot), 0 = not moved
// uses  u_bones   4 texels a bone: rows 0..2 of world_from_rest, then its world rotation (x, y, z, w)
//       u_morphs  1 texel a slot: the sum of the active vertex morphs; u_uv_morphs likewise
//       u_sdef    4 texels a row: C, (2C + R0 - Rw) / 2, (2C + R1 - Rw) / 2, unused
//       u_pose    which pose of the batch; u_rows = rows of (u_bones, u_morphs, u_uv_morphs) that one pose takes
// Tables are ROW_TEXELS wide, so that no model outgrows a texture's width.
// LINEAR_SKINNING: for runs of triangles without SDEF and QDEF. Software drivers run all branches for every vertex, which
// doubles the cost.
#define SDEF 3
#define QDEF 4

// Every program puts a vertex at the same place and depth to the last bit: what `identify` finds hidden must
// be hidden, and surfaces that coincide must meet the depth test as equals whichever program draws them.
invariant gl_Position;

in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in uvec4 in_bones;
in vec4 in_weights;
in ivec2 in_kind;
in ivec2 in_slots;

uniform sampler2D u_bones;
uniform sampler2D u_morphs;
uniform sampler2D u_uv_morphs;
uniform sampler2D u_sdef;
uniform int u_pose;
uniform ivec3 u_rows;

int pose; // the one that the functions below look up

vec4 table(sampler2D values, int texel, int first_row) {
    return texelFetch(values, ivec2(texel & (ROW_TEXELS - 1), first_row + (texel >> ROW_SHIFT)), 0);
}

vec4 bone_texel(uint bone, int column) {
    return table(u_bones, int(bone) * 4 + column, pose * u_rows.x);
}

vec3 rotated(vec4 q, vec3 v) {
    return v + 2.0 * cross(q.xyz, cross(q.xyz, v) + q.w * v);
}

// Shortest-arc spherical interpolation, as MMD's readers do SDEF.
vec4 slerp(vec4 a, vec4 b, float t) {
    float cosine = dot(a, b);
    if (cosine < 0.0) { b = -b; cosine = -cosine; }
    if (cosine > 0.99999) return normalize(mix(a, b, t));
    float angle = acos(cosine);
    return (sin((1.0 - t) * angle) * a + sin(t * angle) * b) / sin(angle);
}

void skin_linear(inout vec3 position, inout vec3 normal) {
    vec4 x = in_weights.x * bone_texel(in_bones.x, 0);
    vec4 y = in_weights.x * bone_texel(in_bones.x, 1);
    vec4 z = in_weights.x * bone_texel(in_bones.x, 2);
    for (int k = 1; k < 4; ++k) {
        if (in_weights[k] == 0.0) break; // weights are sorted, largest first
        x += in_weights[k] * bone_texel(in_bones[k], 0);
        y += in_weights[k] * bone_texel(in_bones[k], 1);
        z += in_weights[k] * bone_texel(in_bones[k], 2);
    }
    vec4 p = vec4(position, 1.0);
    position = vec3(dot(x, p), dot(y, p), dot(z, p));
    normal = vec3(dot(x.xyz, normal), dot(y.xyz, normal), dot(z.xyz, normal));
}

vec3 carried(uint bone, vec3 point) {
    vec4 p = vec4(point, 1.0);
    return vec3(dot(bone_texel(bone, 0), p), dot(bone_texel(bone, 1), p), dot(bone_texel(bone, 2), p));
}

void skin_sdef(inout vec3 position, inout vec3 normal) {
    int slot = in_kind.y * 4;
    vec3 center = table(u_sdef, slot, 0).xyz;
    vec4 rotation = slerp(bone_texel(in_bones.x, 3), bone_texel(in_bones.y, 3), in_weights.y);
    position = rotated(rotation, position - center)
        + in_weights.x * carried(in_bones.x, table(u_sdef, slot + 1, 0).xyz)
        + in_weights.y * carried(in_bones.y, table(u_sdef, slot + 2, 0).xyz);
    normal = rotated(rotation, normal);
}

// Normalised blend of the bones' dual quaternions, signs aligned with the first.
void skin_qdef(inout vec3 position, inout vec3 normal) {
    vec4 real = vec4(0.0);
    vec4 dual = vec4(0.0);
    vec4 first = bone_texel(in_bones.x, 3);
    for (int k = 0; k < 4; ++k) {
        vec4 q = bone_texel(in_bones[k], 3);
        vec3 t = vec3(bone_texel(in_bones[k], 0).w, bone_texel(in_bones[k], 1).w, bone_texel(in_bones[k], 2).w);
        float weight = dot(q, first) < 0.0 ? -in_weights[k] : in_weights[k];
        real += weight * q;
        dual += weight * 0.5 * vec4(q.w * t + cross(t, q.xyz), -dot(t, q.xyz));
    }
    float size = length(real);
    real /= size;
    dual /= size;
    vec3 translation = 2.0 * (real.w * dual.xyz - dual.w * real.xyz + cross(real.xyz, dual.xyz));
    position = rotated(real, position) + translation;
    normal = rotated(real, normal);
}

void skin_in(int which_pose, out vec3 position, out vec3 normal) {
    pose = which_pose;
    position = in_position;
    normal = in_normal;
    if (in_slots.x > 0) position += table(u_morphs, in_slots.x, pose * u_rows.y).xyz;
#if !defined LINEAR_SKINNING
    if (in_kind.x == SDEF) skin_sdef(position, normal);
    else if (in_kind.x == QDEF) skin_qdef(position, normal);
    else
#endif
    skin_linear(position, normal);
}

void skin(out vec3 position, out vec3 normal) {
    skin_in(u_pose, position, normal);
}

vec2 morphed_uv() {
    if (in_slots.y == 0) return in_uv;
    return in_uv + table(u_uv_morphs, in_slots.y, u_pose * u_rows.z).xy;
}

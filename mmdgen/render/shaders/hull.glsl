// hull.glsl: push a skinned vertex out along its normal, for an outline as an inverted hull.
in float in_edge_scale;
uniform float u_thickness; // MMD units, for an edge scale of 1

vec3 pushed_out(vec3 position, vec3 normal) {
    float size = length(normal);
    return size > 0.0 ? position + normal / size * (u_thickness * in_edge_scale) : position;
}

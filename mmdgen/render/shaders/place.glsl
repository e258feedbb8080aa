// place.glsl: the vertex stage of programs that need nothing of a vertex but its place; after skinning.glsl.
// EDGE: of the outline's hull instead of the surface; then after hull.glsl too.
uniform mat4 u_clip_from_world;

void main() {
    vec3 position;
    vec3 normal;
    skin(position, normal);
#if defined EDGE
    position = pushed_out(position, normal);
#endif
    gl_Position = u_clip_from_world * vec4(position, 1.0);
}

// resolve.glsl: average the samples of each pixel and encode them.
// in    u_samples: premultiplied colours, SAMPLES_PER_AXIS (1, 2 or 4) texels a pixel on each axis, bottom
//       row first; bilinear reads at the corners of four texels average four at a time
// out   8-bit values, top row first; LINEAR 1: sRGB-encoded, and cut off rather than rounded as in the
//       article's pictures (a half-covered pixel has alpha 127 = floor(127.5), measured there);
//       LINEAR 0: as they are, rounded

#if defined VERTEX_SHADER

void main() {
    // One triangle that covers the picture.
    gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}

#elif defined FRAGMENT_SHADER

uniform sampler2D u_samples;
uniform int u_height;
uniform bool u_premultiplied;
out vec4 out_color;

vec3 srgb_from_linear(vec3 linear) {
    vec3 low = linear * 12.92;
    vec3 high = 1.055 * pow(max(linear, vec3(0.0)), vec3(1.0 / 2.4)) - 0.055;
    return mix(high, low, lessThanEqual(linear, vec3(0.0031308)));
}

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.x, u_height - 1 - int(gl_FragCoord.y));
#if SAMPLES_PER_AXIS == 1
    vec4 average = clamp(texelFetch(u_samples, pixel, 0), 0.0, 1.0);
#else
    vec2 first = vec2(pixel * SAMPLES_PER_AXIS);
    float side = float(u_height * SAMPLES_PER_AXIS);
    vec4 sum = vec4(0.0);
    for (int y = 1; y < SAMPLES_PER_AXIS; y += 2)
        for (int x = 1; x < SAMPLES_PER_AXIS; x += 2)
            sum += textureLod(u_samples, (first + vec2(x, y)) / side, 0.0);
    vec4 average = clamp(sum / float(SAMPLES_PER_AXIS * SAMPLES_PER_AXIS / 4), 0.0, 1.0);
#endif
    if (!u_premultiplied && average.a > 0.0) average.rgb = min(average.rgb / average.a, vec3(1.0));
#if LINEAR
    // 16 bits lose up to 0.03 of a level: without the 0.05 exact values would fall to the level below.
    vec4 level = floor(vec4(srgb_from_linear(average.rgb), average.a) * 255.0 + 0.05);
#else
    vec4 level = floor(average * 255.0 + 0.5);
#endif
    out_color = level.a < 1.0 ? vec4(0.0) : level / 255.0;
}
#endif

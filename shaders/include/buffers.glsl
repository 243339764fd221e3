// A kernel's storage buffers: READS(0, float, x) declares binding 0, an array x[] that is only read, WRITES one that is
// only written, CHANGES one that is both.  A tensor may begin anywhere in its buffer, so the push constants, which are
// called p, begin with OFFSETS(n), one for each of n bindings; the runtime fills them in.
#ifdef EIGHTS
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#endif
#define READS(number, type, name) BUFFER(number, readonly, type, name)
#define WRITES(number, type, name) BUFFER(number, writeonly, type, name)
#define CHANGES(number, type, name) BUFFER(number, , type, name)
#define BUFFER(number, access, type, name) \
    layout(std430, binding = number) access buffer name##_buffer { type name[]; }; const uint name##_binding = number
// The buffer of such a binding once more, by eights: see eights.glsl.
#define READS_EIGHTS(name) EIGHTS_OF(readonly, name)
#define WRITES_EIGHTS(name) EIGHTS_OF(writeonly, name)
#define EIGHTS_OF(access, name) \
    layout(std430, binding = name##_binding) access buffer name##_eights_buffer { u64vec4 name[]; } name##_eights
// And of integers by fours.
#define READS_FOURS(type, name) \
    layout(std430, binding = name##_binding) readonly buffer name##_fours_buffer { type name[]; } name##_fours
#define OFFSETS(n) uint offsets[n]

// Element i of a tensor, and the place in its array where it begins, in elements.
#define AT(name, i) name[BEGIN(name) + (i)]
#define BEGIN(name) OFFSET_OF(name)
#define OFFSET_OF(name) p.offsets[name##_binding] // apart, so that the name may come from a macro

// One source for one element and for four: compiled twice where a shader says "// variants: vec4".
#ifndef VEC
#define VEC 1
#endif

#if VEC == 4
#define REAL vec4
#define COUNT uvec4
#define TEST bvec4
#define AT_LEAST(a, b) greaterThanEqual(a, b)
#define ABOVE(a, b) greaterThan(a, b)
#define EQUAL(a, b) equal(a, b)
#define BOTH(a, b) bvec4((a).x && (b).x, (a).y && (b).y, (a).z && (b).z, (a).w && (b).w)
#define EITHER(a, b) bvec4((a).x || (b).x, (a).y || (b).y, (a).z || (b).z, (a).w || (b).w)
#define NONE(a) not(a)
#define FIRST(a) ((a).x)
#else
#define REAL float
#define COUNT uint
#define TEST bool
#define AT_LEAST(a, b) ((a) >= (b))
#define ABOVE(a, b) ((a) > (b))
#define EQUAL(a, b) ((a) == (b))
#define BOTH(a, b) ((a) && (b))
#define EITHER(a, b) ((a) || (b))
#define NONE(a) (!(a))
#define FIRST(a) (a)
#endif

#version 450
// Reduces the middle axis of (outer, n, inner), in order, `parts` stretches of it apart: one result an invocation.
#include "common.glsl"
#include "long.glsl"
#include "nan.glsl"

layout(constant_id = 1) const uint OP = 0;
const uint SUM = 0, MAXIMUM = 1, MINIMUM = 2, ARGMAX = 3, ARGMIN = 4, ANY = 5, ALL = 6, MAX_INT = 7,
           MIN_INT = 8, ARGMAX_INT = 9, ARGMIN_INT = 10, PROD = 11, PROD_INT = 12;

READS(0, uint, x);
WRITES(1, uint, y);
layout(push_constant) uniform Push { OFFSETS(2); uint outer; uint n; uint inner; uint parts; } p;

const uint STRETCH = 64;
#define VALUE(j) uintBitsToFloat(x[at + (j) * p.inner])

void main()
{
    uint length = (p.n + p.parts - 1) / p.parts;
    for (uint i = gl_GlobalInvocationID.x; i < p.outer * p.parts * p.inner; i += stride()) {
        uint inner = i % p.inner, part = i / p.inner % p.parts, outer = i / p.inner / p.parts;
        uint first = part * length, last = min(p.n, first + length);
        uint at = BEGIN(x) + (outer * p.n + first) * p.inner + inner;
        uint best = 0, result;
        if (OP == SUM) {
            precise float sum = 0.0; // of sums of sums, so that rounding grows slowly
            for (uint k = first; k < last;) {
                precise float middle = 0.0;
                for (uint end = min(last, k + STRETCH * STRETCH); k < end;) {
                    precise float own = 0.0;
                    uint stop = min(end, k + STRETCH);
                    for (; k + 4 <= stop; k += 4, at += 4 * p.inner)
                        own += (VALUE(0) + VALUE(1)) + (VALUE(2) + VALUE(3));
                    for (; k < stop; k++, at += p.inner)
                        own += VALUE(0);
                    middle += own;
                }
                sum += middle;
            }
            result = floatBitsToUint(sum);
        } else if (OP == PROD) {
            float product = 1.0;
            for (uint k = first; k < last; k++, at += p.inner)
                product *= uintBitsToFloat(x[at]);
            result = floatBitsToUint(product);
        } else if (OP == PROD_INT) {
            int product = 1;
            for (uint k = first; k < last; k++, at += p.inner)
                product = times(product, int(x[at]));
            result = uint(product);
        } else if (OP == ANY || OP == ALL) {
            result = uint(OP == ALL);
            for (uint k = first; k < last; k++, at += p.inner)
                result = OP == ANY ? result | uint(x[at] != 0) : result & uint(x[at] != 0);
        } else if (OP >= MAX_INT) {
            bool most = OP == MAX_INT || OP == ARGMAX_INT;
            int value = most ? int(0x80000000u) : 0x7FFFFFFF;
            for (uint k = first; k < last; k++, at += p.inner) {
                int v = int(x[at]);
                if (k == first || (most ? v > value : v < value)) {
                    value = v;
                    best = k;
                }
            }
            result = OP >= ARGMAX_INT ? best : uint(value);
        } else {
            bool most = OP == MAXIMUM || OP == ARGMAX;
            float value = uintBitsToFloat(most ? 0xFF800000u : 0x7F800000u);
            for (uint k = first; k < last; k++, at += p.inner) {
                float v = uintBitsToFloat(x[at]);
                bool better = most ? v > value : v < value;
                // As numpy: the first NaN wins, else the first extreme; an empty stretch gives the identity.
                if (!is_nan(value) && (is_nan(v) || better || k == first)) {
                    value = v;
                    best = k;
                }
            }
            result = OP == ARGMAX || OP == ARGMIN ? best : floatBitsToUint(value);
        }
        AT(y, i) = result;
    }
}

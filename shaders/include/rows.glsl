// One workgroup a row: sums and maxima over the row's elements, combined in one fixed order.
#if VEC == 4
#define TOTAL(v) (((v).x + (v).y) + ((v).z + (v).w))
#else
#define TOTAL(v) (v)
#endif

shared float parts[gl_WorkGroupSize.x]; // a power of two

// Every invocation of the workgroup must come here; all get the result.
float row_sum(float own)
{
    parts[gl_LocalInvocationID.x] = own;
    for (uint half_size = gl_WorkGroupSize.x / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (gl_LocalInvocationID.x < half_size)
            parts[gl_LocalInvocationID.x] += parts[gl_LocalInvocationID.x + half_size];
    }
    barrier();
    float all = parts[0];
    barrier();
    return all;
}

float row_max(float own)
{
    parts[gl_LocalInvocationID.x] = own;
    for (uint half_size = gl_WorkGroupSize.x / 2; half_size > 0; half_size /= 2) {
        barrier();
        if (gl_LocalInvocationID.x < half_size)
            parts[gl_LocalInvocationID.x] =
                max(parts[gl_LocalInvocationID.x], parts[gl_LocalInvocationID.x + half_size]);
    }
    barrier();
    float all = parts[0];
    barrier();
    return all;
}

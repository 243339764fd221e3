// main() of kernels that walk over time, with `run(i, first, last)` for steps first..last of element i.
// A CPU streams few rows at a time, so there long runs go in blocks of BLOCK steps (0: all) over CHUNK elements, in
// groups of eight neighbours.  REVERSE: from the last step to the first.
void main()
{
    uint own = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x * CHUNK;
    uint block = BLOCK == 0 ? max(1, p.steps) : BLOCK, blocks = max(1, (p.steps + block - 1) / block);
    for (uint start = gl_WorkGroupID.x * size; start < p.n; start += groups() * size) {
        uint near = start + own / 8 * 8 * CHUNK + own % 8;
        for (uint b = 0; b < blocks; b++) {
#ifdef REVERSE
            uint t = (blocks - 1 - b) * block;
#else
            uint t = b * block;
#endif
            for (uint k = 0; k < CHUNK && near + k * 8 < p.n; k++)
                run(near + k * 8, t, min(p.steps, t + block));
        }
    }
}

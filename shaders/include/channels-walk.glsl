// main() of kernels over x (samples, channels, inner), which say what a Channel is, `Channel channel(uint row)` and
// `void put(uint i, Channel c)` for element i.  Four elements may belong to two rows: `put_both`.  By eights, where rows
// are no shorter, `put_pair` takes elements i and i + 1, and `put_pair_both` has those from `end` on in the next row.
//   FLAT: neighbouring invocations take neighbouring elements, as GPUs like it.
//   ROWS: an invocation takes `run` elements in a row, and looks up a channel's numbers once: ten times as fast on a CPU.
//   COLUMNS: inner is 1; an invocation takes one channel (or four) of `run` samples of a step.

void put_row(uint i, uint end, Channel own, Channel next)
{
#if VEC == 4
    if (4 * i + 4 > end) {
        put_both(i, own, next, lessThan(4 * i + uvec4(0, 1, 2, 3), uvec4(end)));
        return;
    }
#endif
    put(i, own);
}

void main()
{
    if (WALK == COLUMNS) {
        uint wide = p.channels / VEC, strips = (p.step + p.run - 1) / p.run, all = p.n / (wide * p.step) * strips * wide;
        for (uint item = gl_GlobalInvocationID.x; item < all; item += stride()) {
            uint at = item % wide, strip = item / wide % strips, first = item / wide / strips * p.step;
            uint k = first + strip * p.run, last = first + min(p.step, (strip + 1) * p.run);
            Channel c = channel(k * p.channels + at * VEC);
            for (; k < last; k++)
                put(k * wide + at, c);
        }
    } else if (WALK == ROWS) {
        for (uint item = gl_GlobalInvocationID.x; item * p.run < p.n; item += stride()) {
            uint i = item * p.run, last = min(p.n, i + p.run), row = i * VEC / p.inner;
            Channel own = channel(row);
            while (i < last) {
                uint end = ++row * p.inner;
#ifdef EIGHTS
                for (uint whole = min(last, end / VEC) / 2 * 2; i < whole; i += 2)
                    put_pair(i, own);
                Channel next = own;
                if (i < last && end < VEC * p.n)
                    next = channel(row);
                if (i + 1 < last && VEC * i < end) {
                    put_pair_both(i, end, own, next);
                    i += 2;
                } else if (i < last && VEC * i < end) // the tensor's last four
                    put_row(i++, end, own, next);
                own = next;
#else
                for (uint whole = min(last, end / VEC); i < whole; i++)
                    put(i, own);
                if (i < last) {
                    Channel next = channel(row);
                    if (VEC * i < end)
                        put_row(i++, end, own, next);
                    own = next;
                }
#endif
            }
        }
    } else {
        for (uint i = gl_GlobalInvocationID.x; i < p.n; i += stride()) {
            uint row = i * VEC / p.inner, end = (row + 1) * p.inner;
            Channel own = channel(row);
            put_row(i, end, own, VEC * i + VEC > end ? channel(row + 1) : own);
        }
    }
}

// Words of the control block: 1-2 random key, 3-4 random draws before this submit (64 bits).
#define CONTROL_KEY uvec2(AT(control, 1), AT(control, 2))
#define CONTROL_BASE uvec2(AT(control, 3), AT(control, 4))

// Number of a random operation: those before this submit plus its place in it.
uvec2 draw_number(uvec2 base, uint draw)
{
    uint carry;
    uint low = uaddCarry(base.x, draw, carry);
    return uvec2(low, base.y + carry);
}

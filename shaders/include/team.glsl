// Rows of data, each done by one invocation, or by one workgroup (TEAM = 1, a specialization constant of the kernel).
#include "rows.glsl"

uint first_row() { return TEAM == 1 ? gl_WorkGroupID.x : gl_GlobalInvocationID.x; }
uint rows_apart() { return TEAM == 1 ? groups() : stride(); }

// A member of the team takes elements lane(), lane() + lanes(), ...
uint lane() { return TEAM == 1 ? gl_LocalInvocationID.x : 0u; }
uint lanes() { return TEAM == 1 ? gl_WorkGroupSize.x : 1u; }

// The whole team must come to these; every member gets the result.
float team_sum(float own)
{
    if (TEAM == 1)
        return row_sum(own);
    return own;
}

float team_max(float own)
{
    if (TEAM == 1)
        return row_max(own);
    return own;
}

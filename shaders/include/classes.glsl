// Cross-entropy's targets: the share a of class c in a row's loss, sum over c of a * -log(probability of c).
// A target is a class (or IGNORE: the row counts nothing), or with PROBABILITIES one probability for every class.
layout(constant_id = 1) const uint TEAM = 0;
layout(constant_id = 2) const uint PROBABILITIES = 0;
layout(constant_id = 3) const uint WEIGHT = 0; // a weight for each class
layout(constant_id = 4) const uint LOGS = 0; // x holds log-probabilities, not logits

struct Row { uint at; bool live; bool valid; uint chosen; }; // at: its class 0 in x; !valid: no such class

Row row_of(uint row, uint n, uint inner, int given, int ignore)
{
    Row r;
    r.at = row / inner * n * inner + row % inner;
    r.live = PROBABILITIES == 1 || given != ignore;
    r.valid = PROBABILITIES == 1 || !r.live || (given >= 0 && given < int(n));
    r.chosen = r.live && r.valid && PROBABILITIES == 0 ? uint(given) : 0u;
    return r;
}

// What came as the target of class c (a probability, or 1 for the class), smoothed by s: q * (1 - s) + s / n.
float smoothed(float q, float s, uint n) { return q * (1.0 - s) + s / float(n); }

// Events of several recordings, one after the other.  An event's place is one word: x in bits 0-14, y in 15-29, polarity in 30;
// bit 31 marks one that was dropped.  Needs the binding `first` and the push constant `samples`.
const uint DROPPED = 0x80000000u;

uint column_of(uint place) { return place & 0x7FFFu; }
uint row_of(uint place) { return place >> 15 & 0x7FFFu; }
uint polarity_of(uint place) { return place >> 30 & 1u; }

// The recording that event i belongs to: first[] (samples + 1) is where each begins.
uint recording_of(uint i)
{
    uint low = 0, high = p.samples; // first[low] <= i < first[high]
    while (high - low > 1) {
        uint middle = (low + high) / 2;
        if (AT(first, middle) <= i)
            low = middle;
        else
            high = middle;
    }
    return low;
}

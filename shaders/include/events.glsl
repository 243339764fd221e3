// Lists of the active steps of ROWS neighbouring rows of a sparse matrix, made by snn-event-list.
// An entry is (step in its chunk) << ROWS | one bit for each row; lists are filled to multiples of four by entries 0.
const uint ROWS = 8;
const uint CHUNK = 512; // steps a list covers; a group of rows has one list a chunk
const uint OTHER_VALUES = 0x80000000u; // in the length of a list: values beside 0 and 1

// Member r of group g: rows `inner` apart, so that a group may be one sample at ROWS successive times.
uint member(uint g, uint r, uint inner) { return (g / inner * ROWS + r) * inner + g % inner; }

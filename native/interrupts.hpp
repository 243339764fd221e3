// What Ctrl-C must not cut short. Python looks for signals on entry to a Python function and after each call, never in C.
#pragma once

#include <pybind11/pybind11.h>

namespace grilly {

// Ticket: an object that queues what it holds when it is dropped; leaving: an __exit__ that is not skipped at its entry.
void add_interrupts(pybind11::module_& module);

} // namespace grilly

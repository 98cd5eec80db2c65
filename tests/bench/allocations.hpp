// How often the heap was asked for memory. Linking allocations.cpp replaces the program's operator
// new and delete.
#pragma once

#include <cstdint>

extern std::uint64_t allocations;

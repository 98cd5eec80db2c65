// The one copy of Boost.JSON's compiled half. GCC 12 with sanitizers sees an insertion into an
// empty array there as out of bounds; it is a false alarm.
#pragma GCC diagnostic ignored "-Warray-bounds"
#include <boost/json/src.hpp>

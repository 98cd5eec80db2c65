// The one copy of Beast's compiled half (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>

// The one copy of Asio's compiled half (BOOST_ASIO_SEPARATE_COMPILATION); everything that does I/O
// links it.
#include <boost/asio/impl/src.hpp>

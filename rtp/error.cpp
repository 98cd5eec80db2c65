#include "rtp/error.hpp"

#include <string>

namespace rtp {
namespace {

const char* text(Errc e) {
  switch (e) {
    case Errc::truncated:
      return "the media packet ends too early";
    case Errc::bad_version:
      return "not RTP or RTCP version 2";
    case Errc::bad_padding:
      return "the padding of the media packet is wrong";
    case Errc::bad_length:
      return "a length field of the media packet is wrong";
    case Errc::bad_value:
      return "a field holds a value that its grammar does not allow";
    case Errc::too_large:
      return "larger than the limit";
    case Errc::out_of_sync:
      return "the framing of the media connection is damaged beyond repair";
    case Errc::no_free_port:
      return "no free port pair in the RTP port range";
    case Errc::odd_port:
      return "an RTP port must be even";
    case Errc::not_open:
      return "the media port is not open";
    case Errc::connection_gone:
      return "the peer closed the media connection";
    case Errc::connect_failed:
      return "the media connection could not be made";
    case Errc::send_queue_full:
      return "the peer of the media connection does not read";
  }
  return "unknown media error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "rtp"; }
  std::string message(int value) const override { return text(static_cast<Errc>(value)); }
};

}  // namespace

const boost::system::error_category& error_category() {
  static const Category category;
  return category;
}

}  // namespace rtp

// Where a viewer's door (RTSP, HTTP) gets streams from: by name, started on demand.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "gateway/stream.hpp"

namespace gateway {

// Keeps a stream running: as long as one hold lives, its source is not stopped for want of viewers.
class StreamHold {
 public:
  virtual ~StreamHold() = default;
  virtual Stream& stream() = 0;
};

// `hold` is set when the stream is there and ready() (it has an SDP). Otherwise `status` is the
// RTSP/HTTP status to answer (404 unknown, 503 off line, 504 no media in time, ...) and `reason`
// says why in words that an operator can act on. `elsewhere`: the stream lives on that shard, and
// can only be watched there; nothing else is set.
struct OpenResult {
  std::shared_ptr<StreamHold> hold;
  int status = 200;
  std::string reason;
  std::optional<unsigned> elsewhere{};
};

class StreamSource {
 public:
  virtual ~StreamSource() = default;
  // `path` is the URL's path without the leading slash, percent-decoded; `query` is what follows
  // '?', not decoded. Starts the source when it is idle and waits until it has media.
  virtual boost::asio::awaitable<OpenResult> open(std::string path, std::string query) = 0;
};

}  // namespace gateway

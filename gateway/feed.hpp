// What fills a stream of the directory: a camera that was called, or media that somebody else sends
// to a port of ours.
#pragma once

#include <string>

#include "gateway/config.hpp"
#include "gateway/ingest.hpp"

namespace gateway {

// Told by a feed. Exactly one of the two comes, once, last; the feed may be destroyed after it, not
// inside it.
class FeedUser {
 public:
  // It never gave a picture. `status` is for RTSP and HTTP viewers.
  virtual void on_feed_failed(int status, const std::string& reason) = 0;
  // It did, and is over.
  virtual void on_feed_ended(const std::string& reason) = 0;

 protected:
  ~FeedUser() = default;
};

class Feed {
 public:
  struct Source {
    MediaTransport transport = MediaTransport::udp;
    std::string device_id, channel_id;  // empty unless a device of ours
    std::string local_address;          // where it was asked to send
  };

  virtual ~Feed() = default;
  virtual void start() = 0;
  // Ends it, for a reason that viewers are told.
  virtual void stop(const std::string& reason) = 0;
  // Whether it runs for viewers only, or until it is stopped.
  virtual bool on_demand() const = 0;
  // It is over because the source fell silent or was cut off, not because anybody wanted it: it may
  // be worth another try.
  virtual bool lost() const { return false; }
  virtual Source source() const = 0;
  // Null before start().
  virtual const Ingest* ingest() const = 0;
};

}  // namespace gateway

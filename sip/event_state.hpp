// An event state compositor (RFC 3903 6): what publishers have published, by entity-tag, until it
// expires. The server's side of PUBLISH: the user of an Endpoint gives it the request and sends
// what it decides.
//
// Pure. Bodies are opaque; composing several publications of one resource is the user's work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/deadline_heap.hpp"
#include "sip/ids.hpp"
#include "sip/message.hpp"
#include "sip/random.hpp"
#include "sip/slot_map.hpp"
#include "sip/specs.hpp"
#include "sip/time.hpp"

namespace sip {

struct EventStateOptions {
  std::vector<std::string> packages;  // others: 489
  std::chrono::seconds min_expires{60}, default_expires{3600}, max_expires{3600};
  std::size_t publications = 100'000;  // beyond: 503
  std::size_t body_bytes = 64 * 1024;  // beyond: 413
};

struct Publication {
  std::string resource;  // Request-URI as it was written
  std::string event;
  std::string etag;
  std::string content_type;
  std::string body;
  TimePoint expires_at{};
};

class EventState {
 public:
  // What changed; subscribers of `resource` want to know.
  enum class Change : std::uint8_t { none, published, refreshed, modified, removed };
  struct Decision {
    ResponseSpec answer;
    Change change = Change::none;
    std::string resource, event;
  };

  EventState(EventStateOptions options, const Seed& seed);

  Decision on_publish(const MessageView& request, TimePoint now);
  // All that is published for a resource and package now, what expires last comes last. Valid until
  // the next change.
  std::vector<const Publication*> find(std::string_view resource, std::string_view event) const;

  // Drops what has expired; `gone` gets it.
  void on_deadline(TimePoint now, std::vector<Publication>& gone);
  TimePoint next_deadline() const { return deadlines_.next(); }
  std::size_t size() const { return all_.size(); }

 private:
  using PublishedId = Id<struct PublishedTag>;
  Decision refuse(int status, HeaderField field = {}) const;
  Decision accept(PublishedId id, Change change, std::uint32_t expires, TimePoint now);
  PublishedId find_tag(std::string_view etag, const MessageView& request, std::string_view event);
  PublishedId publish(const MessageView& request, std::string_view event);
  void release(PublishedId id);
  bool serves(std::string_view package) const;

  EventStateOptions options_;
  Random random_;
  SlotMap<Publication, PublishedTag> all_;
  std::unordered_map<std::string, PublishedId> by_etag_;
  std::unordered_multimap<std::string, PublishedId> by_resource_;
  DeadlineHeap deadlines_;
};

}  // namespace sip

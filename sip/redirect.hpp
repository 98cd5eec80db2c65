// The redirect server (RFC 3261 8.3): a request in, 302 with the bindings of its address out. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sip/location.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "sip/time.hpp"

namespace sip {

struct RedirectOptions {
  std::vector<std::string> domains = {};  // as RegistrarOptions::domains
  std::size_t contacts = 16;         // in one answer: the best
};

class Redirect {
 public:
  // `location` must outlive it.
  Redirect(RedirectOptions options, const Location& location);

  struct Outcome {
    int status = 0;
    std::string_view response;  // the whole answer, in the caller's buffer
  };
  // Any request but ACK and CANCEL. 302 with Contacts, best first, each with what remains of its
  // expiry; 404 for a domain that is not ours, 480 when nobody is registered, 416 for a scheme that
  // is neither sip nor sips. The Request-URI itself is never among the contacts (8.3: the client
  // would come back).
  Outcome on_request(const MessageView& request, TimePoint now, const ResponseOptions& options,
                     std::string& buffer);

 private:
  int read_target(const Uri& uri);
  bool find_contacts(const Uri& uri, TimePoint now);

  RedirectOptions options_;
  const Location& location_;
  std::string aor_;
  std::string contacts_;  // of the answer, as one header value
};

}  // namespace sip

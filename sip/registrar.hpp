// The registrar (RFC 3261 10.3): REGISTER in, bindings in the location service and an answer out.
// With Path (RFC 3327) and the registrar's part of outbound (RFC 5626), without GRUU. Pure;
// a refresh allocates nothing.
//
// Who sent it is not its business: the Authenticator has been asked before. What that user may
// register is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/accounts.hpp"
#include "sip/address.hpp"
#include "sip/location.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "sip/time.hpp"

namespace sip {

struct RegistrarOptions {
  // Hosts that are ours, in lower case, without port: of To. Empty: all.
  std::vector<std::string> domains = {};

  std::chrono::seconds min_expires{60};  // less is refused with 423; above an hour it has no effect
  std::chrono::seconds max_expires{86400};
  std::chrono::seconds default_expires{3600};  // when neither Contact nor Expires says

  std::size_t contacts = 16;  // of one REGISTER; more: 400
  std::size_t path_hops = 8;  // of Path; more: 400
  // A Path that the user agent does not support is refused with 420 (RFC 3327 5.3); else it is
  // stored all the same.
  bool strict_path = false;
  bool outbound = true;                  // RFC 5626; else reg-id is ignored
  std::chrono::seconds flow_timer{120};  // told to outbound streams (RFC 5626 5.4); 0: not
  bool third_party = false;              // From may differ from To where nobody had to authenticate
};

class Registrar {
 public:
  struct Request {
    const MessageView& message;  // a REGISTER that validate() has passed
    const Flow& flow;            // where it came from
    TimePoint now;
    WallTime wall;          // for Date; the epoch: none; WallTime{}: nobody knows, none is written
    std::string_view user;  // who has authenticated; empty: nobody had to
    std::string_view to_tag;
    // The Request-URI is an address of the server's own: its host in To is ours as a domain is, for
    // user agents that are told nothing but the server's address.
    bool at_our_address = false;
    bool expected = false;  // expect() has just been told of this very message
  };
  // Views are valid until the next call.
  struct Outcome {
    int status = 0;
    std::string_view response;  // the whole answer, in the caller's buffer
    std::string_view aor;       // canonical; empty when it was not understood
    // What has changed, for counting and for the reg event (RFC 3680).
    unsigned added = 0, refreshed = 0, removed = 0;
  };

  // `location` and `accounts` must outlive it. Without accounts every authenticated user may
  // register what has its name.
  Registrar(RegistrarOptions options, Location& location, const Accounts* accounts = nullptr);

  // A REGISTER that on_register() may be called with next, when it has been authenticated: what is
  // bound is fetched from memory meanwhile.
  void expect(const MessageView& message);

  // Writes the answer into `buffer`: 200 with all bindings, or 400, 403, 404, 420, 423, 439, 500,
  // 503. Unless it is 200, nothing has changed. A REGISTER that came before (its Call-ID and CSeq)
  // is answered 200 and changes nothing.
  Outcome on_register(const Request& request, std::string& buffer);

 private:
  struct Update {
    BindingView binding;
    std::chrono::seconds expires;  // 0: remove
    bool known = false;            // there is one that it replaces
    bool repeated = false;         // and it was made by this very request
  };
  struct Refusal {
    int status = 0;
    std::string_view reason = {};  // empty: the registered phrase
  };

  Refusal read(const Request& request);
  Refusal check_domain(const Request& request) const;
  Refusal check_extensions(const MessageView& message);
  Refusal check_sender(const Request& request);
  Refusal read_path(const MessageView& message);
  Refusal read_contacts(const Request& request);
  Refusal read_contact(const Request& request, std::string_view text);
  Refusal read_wildcard(const Request& request);
  Refusal read_outbound(const Request& request, const NameAddr& contact, BindingView& binding);
  Refusal grant(const Request& request, const NameAddr& contact, std::chrono::seconds& expires);
  Refusal compare(const Request& request);
  Refusal check_room() const;
  void apply(Outcome& outcome);

  void write_refusal(const Request& request, const Refusal& refusal, MessageBuilder& out);
  void write_bindings(const Request& request, MessageBuilder& out);
  std::string_view date(WallTime wall);

  RegistrarOptions options_;
  Location& location_;
  const Accounts* accounts_;

  // Of the request at hand.
  std::string aor_, sender_, path_, unsupported_;
  Location::Place place_;  // of aor_
  std::string_view to_uri_;
  int address_status_ = 0;  // of To: 0: it was understood
  std::vector<Update> updates_;
  bool wildcard_ = false;
  bool outbound_used_ = false;
  bool path_supported_ = false;
  std::chrono::seconds granted_{0};  // to the last contact

  std::string line_;  // being written
  std::string date_;
  WallTime date_second_ = WallTime::min();
};

}  // namespace sip

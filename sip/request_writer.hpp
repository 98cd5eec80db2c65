// Writes requests and answers from what the user of an Endpoint wants: adds Via with a fresh
// branch, tags, Call-ID, Max-Forwards and our own names (RFC 3261 8.1.1, 8.2.6). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/core.hpp"
#include "sip/dialog.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "sip/random.hpp"
#include "sip/specs.hpp"

namespace sip {

struct EndpointConfig;

class RequestWriter {
 public:
  // Both must outlive it.
  RequestWriter(const EndpointConfig& config, Random& random) : config_(config), random_(random) {}

  // Its host and port are named in what leaves by it.
  void announce(const Listener& listener);

  // Each writes a whole message into the buffer that text() shows, until the next one.
  void write(const RequestSpec& spec);
  // The INVITE of `dialog`, whose local side, Call-ID, target and flow are filled in.
  void write_invite(const InviteSpec& spec, const Dialog& dialog);
  // `contact`: value, empty for none.
  void write_in_dialog(const Dialog& dialog, std::string_view method, std::uint32_t cseq,
                       const InCallRequestSpec& spec = {}, std::string_view contact = {});
  // `request`, one of ours, for another try: with a fresh Via and what differs.
  struct Retry {
    std::string_view uri;
    Flow flow;
    std::uint32_t cseq = 0;
    bool own_contact = false;          // Contact is written anew for `flow`
    std::vector<HeaderField> headers;  // replace those of the same name
  };
  void write_again(const MessageView& request, const Retry& retry);
  // `request`, one of ours, as it leaves by another flow: only what its Via
  // names differs, the branch stays (18.1.1). It may be text().
  void write_by(const Flow& flow, std::string_view request);
  // By TCP to where `datagram` goes, from the port where we listen for TCP, if
  // we do.
  Flow stream_for(const Flow& datagram) const;
  // `request` as it came from `flow`. `contact` is used when the spec has none.
  void write_response(const MessageView& request, const Flow& flow, const ResponseSpec& spec,
                      std::string_view to_tag, std::string_view contact = {});

  // Date is written from then on.
  void tell_time(WallTime wall, TimePoint now) { wall_ = wall, wall_at_ = now, knows_time_ = true; }
  void set_now(TimePoint now) { now_ = now; }

  std::string_view text() const { return buffer_; }
  // Of the last request.
  std::string_view branch() const { return branch_; }

  std::string make_tag() { return random_.hex(6); }
  std::string make_call_id(const Flow& flow);
  // "<sip:user@our address on that flow>", or sips.
  std::string contact_for(std::string_view user, const Flow& flow, bool secure = false);
  // `address` with a tag, a fresh one unless it has one.
  std::string with_tag(std::string_view address);

 private:
  void append_host(std::string& out, const Flow& flow);
  const std::string& host_text(const IpAddress& ip);
  const Listener* listener_of(const Flow& flow) const;
  std::string_view fresh_via(const Flow& flow);
  std::string_view via_for(const Flow& flow);  // with the present branch
  void write_abilities(MessageBuilder& out, const ResponseSpec& spec);
  void write_date(MessageBuilder& out) const;
  template <class Spec>
  void write_rest(MessageBuilder& out, const Spec& spec, HeaderId product);

  const EndpointConfig& config_;
  Random& random_;
  std::vector<Listener> listeners_;
  std::string buffer_;
  std::string branch_;
  std::string via_;
  IpAddress host_of_;
  std::string host_text_;  // of host_of_
  WallTime wall_{};
  TimePoint wall_at_{}, now_{};
  bool knows_time_ = false;
};

}  // namespace sip

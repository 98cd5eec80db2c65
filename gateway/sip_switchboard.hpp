// Two cores on the same sockets: the endpoint, which serves GB/T 28181 devices, and the SIP server.
// Each message goes to the one whose business it is; it is parsed once. Pure.
//
// The endpoint's are: requests of devices (From's user is a device id of 20 digits that is no user
// of the server), requests to the platform's own id, and responses without the server's branch on
// top. All else is the server's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sip/core.hpp"
#include "sip/endpoint.hpp"
#include "sip/server.hpp"

namespace gateway {

class SipSwitchboard final : public sip::Core {
 public:
  using IsUser = std::function<bool(std::string_view user)>;

  // `endpoint` and `server` must outlive it. `platform_id`: ours.
  SipSwitchboard(sip::Endpoint& endpoint, sip::Server& server, std::string platform_id,
                 std::size_t message_bytes, IsUser is_user);

  void on_listening(const sip::Listener& listener) override;
  void on_message(std::string_view bytes, const sip::Flow& from, sip::TimePoint now,
                  sip::Output& out) override;
  void on_connection_closed(const sip::Flow& flow, sip::TimePoint now, sip::Output& out) override;
  void on_send_failed(const sip::Flow& flow, sip::TimePoint now, sip::Output& out) override;
  void on_backlog(unsigned percent) override;
  void on_resolved(sip::LookupId lookup, std::span<const sip::Flow> targets, sip::TimePoint now,
                   sip::Output& out) override;
  void on_deadline(sip::TimePoint now, sip::Output& out) override;
  sip::TimePoint next_deadline() const override;

 private:
  bool is_for_endpoint(const sip::MessageView& message, const sip::Flow& from) const;
  template <class F>
  void with_server(sip::Output& out, F&& f);

  sip::Endpoint& endpoint_;
  sip::Server& server_;
  std::string platform_id_;
  sip::Limits limits_;
  IsUser is_user_;
  sip::MessageView view_;
  // Both cores number their look-ups: those of the server get names that the endpoint has not.
  std::unordered_map<std::uint64_t, sip::LookupId> server_lookups_;
  std::uint64_t last_lookup_ = 0;
};

}  // namespace gateway

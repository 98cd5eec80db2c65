// gbgate as a SIP server: sip::Server with its users, its location service, and the file in which
// that survives a restart. Shell; one thread.
#pragma once

#include <memory>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gateway/config.hpp"
#include "gateway/location_store.hpp"
#include "gateway/secrets.hpp"
#include "gateway/sip_accounts.hpp"
#include "sip/server.hpp"

namespace gateway {

class SipServer {
 public:
  // The references must outlive it.
  SipServer(AlarmClock& clock, const Config& config, const Secrets& secrets);
  ~SipServer();

  // Opens the file of the location service and takes up what it holds; before any message. The
  // error says what cannot be done.
  boost::system::result<void, std::string> start();

  sip::Server& core() { return server_; }
  const sip::Server& core() const { return server_; }
  sip::Location& location() { return location_; }
  const sip::Location& location() const { return location_; }
  const SipAccounts& accounts() const { return accounts_; }
  const LocationStore* store() const { return store_.get(); }

 private:
  void tick(sip::TimePoint now);
  void save_all();

  const Config& config_;
  SipAccounts accounts_;
  sip::Location location_;
  sip::Server server_;
  std::unique_ptr<LocationStore> store_;
  sip::TimePoint told_time_at_{};
  Alarm ticks_;
};

}  // namespace gateway

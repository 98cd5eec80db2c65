// c-ares under Asio: one question, one answer. Shell; the only user of c-ares.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "sip/dns_answer.hpp"
#include "sip/time.hpp"

namespace sip::net {

class DnsChannel {
 public:
  enum class Outcome : std::uint8_t { answered, absent, failed };
  using Done = std::function<void(Outcome, DnsAnswer)>;

  // `servers` as ResolverConfig has them.
  DnsChannel(boost::asio::io_context& io, const std::string& servers, Duration try_within,
             int tries);
  ~DnsChannel();  // nobody who waits is told any more
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  const std::string& fault() const;  // empty: it can be used
  // Addresses are looked for in /etc/hosts first. `done` may be called inside.
  void ask(const DnsQuestion& question, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sip::net

// Finds the servers of URIs (RFC 3263) by asking the DNS, without blocking: drives sip::Resolution
// with c-ares, and remembers answers for as long as they hold. Shell.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sip/random.hpp"
#include "sip/resolution.hpp"
#include "sip/time.hpp"

namespace sip::net {

struct ResolverConfig {
  // "192.0.2.53,192.0.2.54:5353,[2001:db8::53]"; empty: those of /etc/resolv.conf.
  std::string servers;
  Duration try_within = std::chrono::seconds(2);     // until the next server is asked
  int tries = 2;                                     // of each server
  Duration lookup_within = std::chrono::seconds(8);  // then what is known must do
  std::size_t lookups = 2'000;                       // at once; beyond: nowhere
  std::size_t cached_answers = 20'000;
  std::chrono::seconds longest_kept = std::chrono::hours(1);
  std::chrono::seconds kept_absent = std::chrono::seconds(30);  // that a name does not exist
  std::chrono::seconds kept_failed = std::chrono::seconds(2);   // that nobody answered
};

struct ResolverCounters {
  std::uint64_t lookups = 0;   // that needed the DNS
  std::uint64_t queries = 0;   // asked of servers, without repetitions
  std::uint64_t cached = 0;    // questions answered from memory
  std::uint64_t failures = 0;  // queries without a usable answer
  std::uint64_t timeouts = 0;  // lookups cut off by lookup_within
  std::uint64_t refused = 0;   // by ResolverConfig::lookups
};

class Resolver {
 public:
  // The view of the resolution lives during the call.
  using Done = std::function<void(const Resolution&)>;

  Resolver(boost::asio::io_context& io, ResolverConfig config, const Seed& seed);
  ~Resolver();  // whoever still waits hears nothing
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // What is wrong with ResolverConfig::servers; empty: nothing. Then every lookup fails.
  const std::string& fault() const;
  // `done` is called once: inside this call when nothing must be asked, else later.
  void resolve(const Uri& uri, const ResolutionPolicy& policy, Done done);
  const ResolverCounters& counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sip::net

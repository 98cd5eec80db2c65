// Drives a sip::Core under Asio: owns its sockets and its one timer, delivers its events, flushes
// what it wants sent, resolves the hosts that it asks for. Everything happens on the thread that
// runs the io_context; there are no locks and no other thread may call in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "sip/core.hpp"
#include "sip/message_observer.hpp"
#include "sip/net/core_user.hpp"
#include "sip/net/listen_on.hpp"
#include "sip/net/resolver.hpp"
#include "sip/net/transport_limits.hpp"
#include "sip/random.hpp"

namespace sip::net {

class CoreDriver {
 public:
  // All arguments must outlive the driver; after close() neither core nor user is called.
  CoreDriver(boost::asio::io_context& io, Core& core, CoreUser& user, TransportLimits limits = {});
  ~CoreDriver();
  CoreDriver(const CoreDriver&) = delete;
  CoreDriver& operator=(const CoreDriver&) = delete;

  // Opens one more socket and tells the core of it. Returns the address with the port that it got,
  // or the system's error (address in use; invalid argument when a certificate is missing).
  boost::system::result<Address> listen(const ListenOn& where);
  // From what TLS connections of ours are made; without it they cannot be.
  void connect_with(std::shared_ptr<const TlsContext> tls);

  // The flow by which `remote` is reached: a listener of ours, and of our addresses the one that
  // the kernel routes there, so that Via and Contact name it. Opens nothing.
  Flow flow_to(Transport transport, const Address& remote) const;
  // For TLS: `remote` must prove to be `domain`, from the next connection on. Without, its
  // certificate must name its address. What on_resolved() tells the core is named by its URI.
  void name_server(const Address& remote, std::string domain);

  // How Lookups of the core are answered; without it by the DNS servers of the system.
  void resolve_with(ResolverConfig config);

  // Told of every message from now on; null: nobody. It must outlive the driver.
  void observe(MessageObserver* observer);

  // Lets `f(TimePoint now, Output&)` call the core, then delivers what that caused and sends it.
  // Inside on_event() delivery waits until the present event is done.
  template <class F>
  decltype(auto) run(F&& f) {
    const Turn turn(*this);
    return std::forward<F>(f)(now(), output());
  }

  TransportCounters transport_counters() const;
  ResolverCounters resolver_counters() const;

  // Closes all sockets. Nothing is delivered any more.
  void close();

 private:
  struct Impl;
  // The end of the outermost turn delivers and flushes.
  class Turn {
   public:
    explicit Turn(CoreDriver& driver) : driver_(driver) { driver_.begin_turn(); }
    ~Turn() { driver_.end_turn(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    CoreDriver& driver_;
  };
  void begin_turn();
  void end_turn();
  TimePoint now() const;
  Output& output();

  std::shared_ptr<Impl> impl_;
};

// 256 bits from the system's random source.
Seed random_seed();

}  // namespace sip::net

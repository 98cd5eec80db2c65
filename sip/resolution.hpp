// Where the server of a URI is (RFC 3263): transport, address and port, several of them in the
// order in which to try. Pure: it says what to ask the DNS, the shell (sip/net/resolver.hpp) asks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/dns_answer.hpp"
#include "sip/random.hpp"
#include "sip/uri.hpp"

namespace sip {

struct Target {
  Transport transport = Transport::udp;
  Address remote;

  bool operator==(const Target&) const = default;
};

// What this machine speaks.
struct ResolutionPolicy {
  // Tried in this order where the domain has no wish of its own.
  std::vector<Transport> transports = {Transport::udp, Transport::tcp, Transport::tls};
  bool ipv4 = true;
  bool ipv6 = true;  // its addresses come first
};

// The target of a URI whose host is a number (or has such a maddr): it needs no DNS. nullopt for
// others, and where `transport` names none that we know.
[[nodiscard]] std::optional<Target> direct_target(const Uri& uri);
// The transport that the URI itself asks for: by its parameter, by its scheme (sips makes tcp tls,
// ws wss), by a port or number (RFC 3263 4.1). nullopt: the DNS decides, or it is unknown.
[[nodiscard]] std::optional<Transport> named_transport(const Uri& uri);

//   Resolution resolution(uri, policy, random);
//   while (!resolution.questions().empty()) resolution.answer(<one for each, in that order>);
//   use(resolution.targets());
class Resolution {
 public:
  // Limits: NAPTR and SRV records beyond are left out, the better ones are kept.
  static constexpr std::size_t most_services = 6;
  static constexpr std::size_t most_hosts = 12;
  static constexpr std::size_t most_targets = 32;

  // `uri` need not outlive the constructor. `random` chooses among SRV records by weight.
  Resolution(const Uri& uri, const ResolutionPolicy& policy, Random& random);

  // At most three rounds: NAPTR, SRV, addresses. Empty: it is done.
  std::span<const DnsQuestion> questions() const { return questions_; }
  // No answer at all is an empty one.
  void answer(std::span<const DnsAnswer> answers);

  // Best first; empty when there is nowhere to go.
  std::span<const Target> targets() const { return targets_; }
  // What a certificate there must be for (RFC 5922 4): the host of the URI.
  const std::string& domain() const { return domain_; }

 private:
  enum class Stage : std::uint8_t { naptr, srv, addresses, done };
  struct Candidate {
    Transport transport;
    std::string host;
    std::uint16_t port;
  };

  bool speaks(Transport transport) const;
  void begin(const Uri& uri);
  void ask_services(std::span<const Transport> transports);
  void ask_addresses();
  void on_naptr(const DnsAnswer& answer);
  void on_srv(std::span<const DnsAnswer> answers);
  void on_addresses(std::span<const DnsAnswer> answers);
  void add_in_order(Transport transport, std::vector<SrvRecord> records);

  const ResolutionPolicy policy_;
  Random& random_;
  std::string domain_;
  bool secure_ = false;
  Transport otherwise_ = Transport::udp;  // when the domain offers no service by SRV
  Stage stage_ = Stage::done;
  std::vector<DnsQuestion> questions_;
  std::vector<Transport> asked_;  // the transport of each SRV question
  std::vector<Candidate> candidates_;
  std::vector<Target> targets_;
};

}  // namespace sip

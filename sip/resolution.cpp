#include "sip/resolution.hpp"

#include <algorithm>
#include <utility>

#include "sip/scan.hpp"

namespace sip {
namespace {

// What TARGET means in RFC 3263 4: maddr, where there is one.
HostPort target_host(const Uri& uri) {
  auto host = uri.host;
  const auto maddr = uri.params.get("maddr");
  HostPort named;
  if (maddr && parse_host_port(*maddr, named)) {
    host.host = named.host;
    host.kind = named.kind;
  }
  return host;
}

Transport secured(Transport transport) {
  return transport == Transport::ws || transport == Transport::wss ? Transport::wss
                                                                   : Transport::tls;
}

// nullopt: WebSockets have no SRV names; their servers are found by address (RFC 7118 6).
std::optional<std::string_view> service_prefix(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "_sip._udp.";
    case Transport::tcp:
      return "_sip._tcp.";
    case Transport::tls:
      return "_sips._tcp.";
    default:
      return std::nullopt;
  }
}

struct NaptrService {
  std::string_view name;
  Transport transport;
};
constexpr NaptrService naptr_services[] = {
    {"SIPS+D2T", Transport::tls}, {"SIP+D2T", Transport::tcp}, {"SIP+D2U", Transport::udp},
    {"SIPS+D2W", Transport::wss}, {"SIP+D2W", Transport::ws},
};

std::optional<Transport> transport_of(const NaptrRecord& record) {
  if (!scan::iequals(record.flags, "s") || record.replacement.empty()) return std::nullopt;
  for (const auto& service : naptr_services)
    if (scan::iequals(record.service, service.name)) return service.transport;
  return std::nullopt;
}

// RFC 2782: one of the best priority, the more probably the more it weighs.
std::size_t choose(std::span<const SrvRecord> same_priority, Random& random) {
  std::uint64_t sum = 0;
  for (const auto& record : same_priority) sum += record.weight;
  const std::uint64_t drawn = random.next() % (sum + 1);
  std::uint64_t running = 0;
  for (std::size_t i = 0; i < same_priority.size(); ++i) {
    running += same_priority[i].weight;
    if (running >= drawn) return i;
  }
  return 0;
}

}  // namespace

std::optional<Transport> named_transport(const Uri& uri) {
  const bool secure = uri.scheme == UriScheme::sips;
  if (!uri.transport().empty()) {
    const auto transport = transport_from(uri.transport());
    if (!transport || !secure) return transport;
    return secured(*transport);
  }
  const auto host = target_host(uri);
  if (host.kind == HostKind::name && host.port == 0) return std::nullopt;
  return secure ? Transport::tls : Transport::udp;
}

std::optional<Target> direct_target(const Uri& uri) {
  const auto host = target_host(uri);
  if (!uri.has_host() || host.kind == HostKind::name) return std::nullopt;
  const auto transport = named_transport(uri);
  const auto ip = IpAddress::parse(host.host);
  if (!transport || !ip) return std::nullopt;
  return Target{*transport, {*ip, host.port_or(default_port(*transport))}};
}

Resolution::Resolution(const Uri& uri, const ResolutionPolicy& policy, Random& random)
    : policy_(policy), random_(random), domain_(uri.host.host) {
  secure_ = uri.scheme == UriScheme::sips;
  if (uri.has_host()) begin(uri);
}

bool Resolution::speaks(Transport transport) const {
  if (secure_ && !is_secure(transport)) return false;
  return std::ranges::find(policy_.transports, transport) != policy_.transports.end();
}

void Resolution::begin(const Uri& uri) {
  if (const auto direct = direct_target(uri)) {
    if (speaks(direct->transport)) targets_.push_back(*direct);
    return;
  }
  const auto host = target_host(uri);
  const auto transport = named_transport(uri);
  if (host.kind != HostKind::name || (!transport && !uri.transport().empty())) return;
  domain_ = host.host;
  if (transport && !speaks(*transport)) return;
  if (transport) {
    otherwise_ = *transport;
    if (host.port != 0) {
      candidates_.push_back({*transport, domain_, host.port});
      return ask_addresses();
    }
    const Transport only[] = {*transport};
    return ask_services(only);
  }
  otherwise_ = secure_ ? Transport::tls : Transport::udp;
  stage_ = Stage::naptr;
  questions_.push_back({DnsType::naptr, domain_});
}

// Without NAPTR records: the services of these transports.
void Resolution::ask_services(std::span<const Transport> transports) {
  stage_ = Stage::srv;
  questions_.clear();
  for (const auto transport : transports) {
    const auto prefix = service_prefix(transport);
    if (!prefix || !speaks(transport)) continue;
    questions_.push_back({DnsType::srv, std::string(*prefix) + domain_});
    asked_.push_back(transport);
  }
  if (questions_.empty()) on_srv({});
}

void Resolution::answer(std::span<const DnsAnswer> answers) {
  const auto stage = std::exchange(stage_, Stage::done);
  if (answers.size() != questions_.size()) {
    questions_.clear();
    return;
  }
  if (stage == Stage::naptr) on_naptr(answers[0]);
  if (stage == Stage::srv) on_srv(answers);
  if (stage == Stage::addresses) on_addresses(answers);
}

// Of those that we can use only the best order counts (RFC 3403 4.1); within it, all by preference.
void Resolution::on_naptr(const DnsAnswer& answer) {
  auto records = answer.naptr;
  std::erase_if(records, [this](const NaptrRecord& record) {
    const auto transport = transport_of(record);
    return !transport || !speaks(*transport);
  });
  if (records.empty()) return ask_services(policy_.transports);
  std::ranges::stable_sort(records, {}, [](const NaptrRecord& record) {
    return std::pair(record.order, record.preference);
  });
  stage_ = Stage::srv;
  questions_.clear();
  for (const auto& record : records) {
    if (record.order != records.front().order || asked_.size() == most_services) break;
    questions_.push_back({DnsType::srv, record.replacement});
    asked_.push_back(*transport_of(record));
  }
}

void Resolution::on_srv(std::span<const DnsAnswer> answers) {
  bool offered = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    offered = offered || !answers[i].srv.empty();
    add_in_order(asked_[i], answers[i].srv);
  }
  if (!offered && speaks(otherwise_))
    candidates_.push_back({otherwise_, domain_, default_port(otherwise_)});
  ask_addresses();
}

void Resolution::add_in_order(Transport transport, std::vector<SrvRecord> records) {
  std::ranges::stable_sort(records, {}, [](const SrvRecord& record) {
    return std::pair(record.priority, record.weight != 0);  // weightless first, as RFC 2782 asks
  });
  while (!records.empty() && candidates_.size() < most_hosts) {
    const auto same = std::ranges::find_if(records, [&](const SrvRecord& record) {
      return record.priority != records.front().priority;
    });
    const auto chosen = choose({records.begin(), same}, random_);
    auto& record = records[chosen];
    if (!record.target.empty())
      candidates_.push_back({transport, std::move(record.target), record.port});
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
}

void Resolution::ask_addresses() {
  questions_.clear();
  for (const auto& candidate : candidates_) {
    const auto ask = [&](DnsType type) {
      DnsQuestion question{type, candidate.host};
      if (std::ranges::find(questions_, question) == questions_.end())
        questions_.push_back(std::move(question));
    };
    if (policy_.ipv6) ask(DnsType::aaaa);
    if (policy_.ipv4) ask(DnsType::a);
  }
  stage_ = questions_.empty() ? Stage::done : Stage::addresses;
}

void Resolution::on_addresses(std::span<const DnsAnswer> answers) {
  for (const auto& candidate : candidates_) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (questions_[i].name != candidate.host) continue;
      for (const auto& ip : answers[i].addresses) {
        const Target target{candidate.transport, {ip, candidate.port}};
        if (targets_.size() < most_targets && std::ranges::find(targets_, target) == targets_.end())
          targets_.push_back(target);
      }
    }
  }
  questions_.clear();
}

}  // namespace sip

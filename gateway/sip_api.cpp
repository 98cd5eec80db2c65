#include "gateway/sip_api.hpp"

#include <fmt/format.h>

#include <charconv>

#include "sip/ladder.hpp"
#include "sip/pcap.hpp"

namespace gateway {
namespace {

std::uint32_t number_of(const std::string& id) {
  std::uint32_t number = 0;
  const auto* const end = id.data() + id.size();
  const auto [stop, error] = std::from_chars(id.data(), end, number);
  return error == std::errc() && stop == end ? number : 0;
}

http::Refusal no_trace(const std::string& id) {
  return {404, "not_found", fmt::format("there is no trace {}", id)};
}

http::WallTime rounded(sip::WallTime time) {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(time);
}

std::string peer_of(const sip::TraceFilter& filter) {
  if (!filter.peer) return {};
  if (filter.peer_port == 0) return to_string(*filter.peer);
  return to_string(sip::Address{*filter.peer, filter.peer_port});
}

http::SipTrace info_of(std::uint32_t id, const sip::Trace& trace) {
  http::SipTrace info;
  info.id = std::to_string(id);
  info.peer = peer_of(trace.filter());
  info.device = trace.filter().user;
  info.call_id = trace.filter().call_id;
  info.started = rounded(trace.wall(trace.started()));
  info.ends = rounded(trace.wall(trace.ends()));
  info.running = trace.running(sip::Clock::now());
  info.messages = trace.messages().size();
  info.bytes = trace.bytes();
  info.dropped = trace.dropped();
  return info;
}

// What a MANSCDP body is about: the text of its CmdType.
std::string command_of(std::string_view body) {
  constexpr std::string_view open = "<CmdType>";
  const auto at = body.find(open);
  if (at == body.npos) return {};
  const auto rest = body.substr(at + open.size());
  return std::string(rest.substr(0, std::min<std::size_t>(rest.find('<'), 32)));
}

}  // namespace

const sip::Trace* SipApi::find(const std::string& id) const {
  return stack_.tracer().find(number_of(id));
}

// A device is also where it is now: calls to its channels do not name it.
http::Reply<sip::TraceFilter> SipApi::filter_of(const http::SipTraceStart& start) const {
  sip::TraceFilter filter;
  filter.user = start.device;
  filter.call_id = start.call_id;
  if (const auto* device = registry_.find(start.device)) {
    filter.peer = device->flow.remote.ip;
    filter.peer_port = device->flow.remote.port;
  }
  if (start.peer.empty()) return filter;
  const auto peer = sip::Address::parse(start.peer);
  if (!peer)
    return http::Refusal{400, "bad_request",
                         "\"peer\" must be an IP address, with or without a port"};
  filter.peer = peer->ip;
  filter.peer_port = peer->port;
  return filter;
}

http::Awaitable<http::Page<http::SipTrace>> SipApi::list_traces(http::Paging paging) {
  http::Page<http::SipTrace> page;
  for (const auto& [id, trace] : stack_.tracer().traces()) {
    if (page.total >= paging.offset && page.items.size() < paging.limit)
      page.items.push_back(info_of(id, trace));
    ++page.total;
  }
  co_return page;
}

http::Awaitable<http::Reply<http::SipTrace>> SipApi::trace(std::string id) {
  const auto* trace = find(id);
  if (!trace) co_return no_trace(id);
  co_return info_of(number_of(id), *trace);
}

http::Awaitable<http::Reply<http::SipTrace>> SipApi::start_trace(http::SipTraceStart start) {
  auto filter = filter_of(start);
  if (!filter) co_return filter.error();
  const auto id = stack_.start_trace(*filter, start.lasts);
  if (id == 0)
    co_return http::Refusal{
        503, "limit_reached",
        fmt::format("{} traces run already; delete one", stack_.tracer().limits().traces)};
  co_return info_of(id, *stack_.tracer().find(id));
}

http::Awaitable<http::Reply<http::SipTrace>> SipApi::stop_trace(std::string id) {
  if (!stack_.stop_trace(number_of(id))) co_return no_trace(id);
  co_return info_of(number_of(id), *find(id));
}

http::Awaitable<http::Reply<void>> SipApi::delete_trace(std::string id) {
  if (!stack_.remove_trace(number_of(id))) co_return no_trace(id);
  co_return http::Reply<void>();
}

http::Awaitable<http::Reply<std::string>> SipApi::trace_ladder(std::string id) {
  const auto* trace = find(id);
  if (!trace) co_return no_trace(id);
  sip::LadderOptions options;
  options.describe_body = command_of;
  co_return ladder(*trace, sip::Clock::now(), options);
}

http::Awaitable<http::Reply<std::string>> SipApi::trace_pcap(std::string id) {
  const auto* trace = find(id);
  if (!trace) co_return no_trace(id);
  co_return pcap(*trace);
}

}  // namespace gateway

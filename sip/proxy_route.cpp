#include "sip/proxy_route.hpp"

#include "sip/scan.hpp"

namespace sip {
namespace {

// Takes the first element off a list; empty when there is none.
std::string_view take_first(std::string_view& list) {
  const auto end = scan::find_outside(list, ',');
  const auto element = scan::trim(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  list = scan::trim(list);
  return element;
}

void append_element(std::string& list, std::string_view element) {
  if (element.empty()) return;
  if (!list.empty()) list += ", ";
  scan::append_unfolded(list, element);
}

std::string_view uri_of(std::string_view element) {
  const auto address = parse_name_addr(element);
  return address ? address->uri.text : std::string_view{};
}

class RouteReader {
 public:
  RouteReader(ProxyRoute& out, const MessageView& request, const Flow& arrived,
              const Interfaces& interfaces, const HashKey& key)
      : out_(out), request_(request), arrived_(arrived), interfaces_(interfaces), key_(key) {}

  void run() {
    out_.request_uri = request_.request_uri_text();
    out_.routes.clear();
    out_.token.reset();
    out_.ours_on_top = out_.changed = out_.bad_token = false;
    const bool routed = request_.has(HeaderId::route);
    if (routed && undo_strict_router()) return;
    if (routed) take_our_routes();
    strip_maddr();
  }

 private:
  void copy_routes() {
    for (const auto element : request_.routes()) append_element(out_.routes, element);
  }

  // A strict router before us has put our Record-Route URI into the Request-URI, and the
  // Request-URI at the end of Route.
  bool undo_strict_router() {
    const auto uri = request_.request_uri();
    if (!uri || !uri->loose_routing() || !interfaces_.is_ours(*uri, arrived_)) return false;
    copy_routes();
    auto& list = out_.routes;
    std::size_t last = 0;
    for (auto at = scan::find_outside(list, ','); at < list.size();
         at += 1 + scan::find_outside(std::string_view(list).substr(at + 1), ','))
      last = at + 1;
    const auto element = scan::trim(std::string_view(list).substr(last));
    out_.request_uri_buffer = uri_of(element);
    if (out_.request_uri_buffer.empty()) return false;
    list.resize(last == 0 ? 0 : last - 1);
    out_.request_uri = out_.request_uri_buffer;
    out_.ours_on_top = out_.changed = true;
    read_token(*uri);
    return true;
  }

  // Up to two: a request that changes the transport here was record-routed twice (RFC 5658).
  void take_our_routes() {
    int taken = 0;
    bool looking = true;
    for (const auto element : request_.routes()) {
      if (looking && taken < 2 && is_ours(element)) {
        ++taken;
        continue;
      }
      looking = false;
      if (taken == 0) break;  // nothing changes: the headers stay as they are
      append_element(out_.routes, element);
    }
    out_.ours_on_top = out_.changed = taken > 0;
    if (taken == 0) copy_routes();
  }

  bool is_ours(std::string_view element) {
    const auto address = parse_name_addr(element);
    if (!address || !interfaces_.is_ours(address->uri, arrived_)) return false;
    if (!out_.token) read_token(address->uri);
    return true;
  }

  void read_token(const Uri& uri) {
    if (uri.user.empty()) return;
    out_.token = parse_token(uri.user, request_.call_id(), key_);
    out_.bad_token = !out_.token;
  }

  // 16.4: a maddr that names us says only that we are the next hop.
  void strip_maddr() {
    const auto text = out_.request_uri;
    if (text.find(";maddr") == std::string_view::npos) return;
    const auto uri = parse_uri(text);
    if (!uri) return;
    const auto maddr = uri->params.get("maddr");
    auto host = maddr ? parse_host_port(*maddr) : Result<HostPort>(Errc::bad_uri);
    if (!host) return;
    host->port = uri->host.port;
    if (!interfaces_.names_us(*host, uri->scheme == UriScheme::sips, arrived_)) return;
    auto plain = *uri;
    plain.params = {};
    plain.host.port = 0;
    plain.headers = {};
    append(out_.request_uri_buffer = {}, plain);
    for (const auto& param : uri->params) {
      if (scan::iequals(param.name, "maddr") || scan::iequals(param.name, "transport")) continue;
      out_.request_uri_buffer += ';';
      out_.request_uri_buffer += param.name;
      if (param.has_value) (out_.request_uri_buffer += '=') += param.value;
    }
    out_.request_uri = out_.request_uri_buffer;
  }

  ProxyRoute& out_;
  const MessageView& request_;
  const Flow& arrived_;
  const Interfaces& interfaces_;
  const HashKey& key_;
};

}  // namespace

void read_route(ProxyRoute& out, const MessageView& request, const Flow& arrived,
                const Interfaces& interfaces, const HashKey& key) {
  RouteReader(out, request, arrived, interfaces, key).run();
}

void write_next_hop(NextHop& out, const ProxyRoute& route, std::string_view request_uri,
                    std::string_view path) {
  out.request_uri = request_uri;
  out.changed = route.changed || !path.empty();
  out.routes.clear();
  append_element(out.routes, path);
  append_element(out.routes, route.routes);
  out.uri = out.request_uri;
  if (out.routes.empty()) return;
  std::string_view rest = out.routes;
  const auto first = parse_name_addr(take_first(rest));
  if (!first) return;
  out.uri = first->uri.text;
  if (first->uri.loose_routing()) return;
  std::string routes(rest);
  std::string uri(first->uri.text);
  append_element(routes, '<' + out.request_uri + '>');
  out.request_uri = std::move(uri);
  out.routes = std::move(routes);
  out.uri = out.request_uri;
  out.changed = true;
}

}  // namespace sip

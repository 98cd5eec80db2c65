#include "gateway/http/connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>

#include "gateway/http/access.hpp"
#include "gateway/http/json.hpp"
#include "gateway/http/routes.hpp"

namespace gateway::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using Parser = bhttp::request_parser<bhttp::string_body>;
using Header = bhttp::request_header<>;
using Wire = bhttp::response<bhttp::string_body>;

constexpr std::size_t drain_bytes = 256 * 1024;
constexpr auto drain_time = std::chrono::seconds(1);

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

// The answer to what is no request; nothing when the peer has just gone.
std::optional<Refusal> refusal_of(const boost::system::error_code& error) {
  if (error == bhttp::error::end_of_stream || error == bhttp::error::partial_message) return {};
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow)
    return Refusal{431, "header_too_large", "the request's header is too large"};
  if (error == bhttp::error::body_limit)
    return Refusal{413, "body_too_large", "the request's body is too large"};
  if (error == bhttp::error::bad_version)
    return Refusal{505, "http_version", "HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
    return Refusal{400, "bad_request", "not HTTP: " + error.message()};
  return {};
}

Credentials credentials_of(const Header& header, const asio::ip::address& peer) {
  Credentials c;
  c.peer = peer;
  c.host = view(header[bhttp::field::host]);
  c.origin = view(header[bhttp::field::origin]);
  c.sec_fetch_site = view(header["Sec-Fetch-Site"]);
  c.authorization = view(header[bhttp::field::authorization]);
  c.forwarded = header.count(bhttp::field::forwarded) > 0 || header.count("X-Forwarded-For") > 0;
  return c;
}

// How the answer must look.
struct Manner {
  unsigned version = 11;
  bool keep_alive = false;
  bool head = false;
};

Manner manner_of(const bhttp::request<bhttp::string_body>& request) {
  return {request.version() == 10 ? 10U : 11U, request.keep_alive(),
          request.method() == Verb::head};
}

Wire to_wire(const Response& response, Manner manner) {
  Wire wire;
  wire.version(manner.version);
  wire.result(static_cast<unsigned>(response.status));
  wire.set(bhttp::field::server, "gbgate");
  wire.set(bhttp::field::cache_control, "no-store");
  wire.set("X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) wire.set(bhttp::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) wire.set(name, value);
  wire.keep_alive(manner.keep_alive);
  if (!manner.head) wire.body() = response.body;
  if (response.status != 204) wire.content_length(response.body.size());
  return wire;
}

Response unauthorized() {
  Response response = refuse({401, "unauthorized",
                              "say Authorization: Bearer <token>; the token is in the "
                              "configuration, or in secrets.toml in the data directory"});
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"gbgate\"");
  return response;
}

Response not_matched(const Match& found, const std::string& path) {
  if (found.allow.empty())
    return refuse({404, "not_found", "there is nothing at " + path.substr(0, 256)});
  Response response = refuse({405, "method_not_allowed", "allowed here: " + found.allow});
  response.headers.emplace_back("Allow", found.allow);
  return response;
}

// Where a request goes, decided by its header alone.
struct Decision {
  std::optional<Response> refused;
  Target target;
  Match match;
};

Decision decide(const Header& header, const asio::ip::address& peer, const ServerOptions& options) {
  Decision decision;
  auto target = parse_target(view(header.target()));
  if (target) {
    decision.target = std::move(*target);
    decision.match = match(routes(), header.method(), decision.target.path);
  }
  const Route* route = decision.match.route;
  const bool open = route && route->access == Access::anyone;
  if (!open && !is_trusted(credentials_of(header, peer), options.token, options.trust_loopback))
    decision.refused = unauthorized();
  else if (!target)
    decision.refused = refuse({400, "bad_request", "the request target cannot be read"});
  else if (!route)
    decision.refused = not_matched(decision.match, decision.target.path);
  return decision;
}

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, ConnectionContext& context)
      : stream_(std::move(socket)),
        buffer_(context.options.max_header_bytes + 65536),
        context_(context) {
    boost::system::error_code ignored;
    peer_ = stream_.socket().remote_endpoint(ignored).address();
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  }

  asio::awaitable<void> run() {
    // GCC 12 drops the end of `while (co_await exchange()) {}` when it optimizes.
    for (bool again = true; again;) again = co_await exchange();
    co_await drain();
  }

 private:
  // One request and its answer; false when the connection is to end.
  asio::awaitable<bool> exchange() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(context_.options.max_header_bytes));
    parser.body_limit(context_.options.max_body_bytes);
    boost::system::error_code error;
    stream_.expires_after(context_.options.idle_timeout);
    co_await bhttp::async_read_header(stream_, buffer_, parser,
                                      asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return co_await refuse_unread(error);

    Decision decision = decide(parser.get().base(), peer_, context_.options);
    if (decision.refused) {
      count(decision.match.route, decision.refused->status);
      // A body that nobody will read lies behind it, perhaps; without one the peer may go on.
      Manner manner = manner_of(parser.get());
      if (!parser.is_done()) manner.keep_alive = false;
      co_return co_await send(*decision.refused, manner);
    }
    if (!co_await read_body(parser)) co_return false;

    stream_.expires_never();
    Request request;
    request.target = std::move(decision.target);
    request.parameters = std::move(decision.match.parameters);
    request.body = std::move(parser.get().body());
    if (context_.options.rtsp_host_of_request)
      request.rtsp_host = host_part(view(parser.get()[bhttp::field::host]));
    const Response response = co_await answer(*decision.match.route, request);
    count(decision.match.route, response.status);
    const Manner manner = manner_of(parser.get());
    co_return co_await send(response, manner);
  }

  asio::awaitable<bool> read_body(Parser& parser) {
    boost::system::error_code error;
    stream_.expires_after(context_.options.request_timeout);
    if (!parser.is_done() && beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
      bhttp::response<bhttp::empty_body> go_on{bhttp::status::continue_, 11};
      co_await bhttp::async_write(stream_, go_on, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
    }
    co_await bhttp::async_read(stream_, buffer_, parser,
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_await refuse_unread(error);
    co_return !error;
  }

  // Runs the route's function; what it throws is our fault and ends this request only.
  asio::awaitable<Response> answer(const Route& route, const Request& request) {
    try {
      co_return co_await route.handler(context_.api, request);
    } catch (const boost::system::system_error& e) {
      if (e.code() == asio::error::operation_aborted) throw;
      report(route, e.what());
    } catch (const std::exception& e) {
      report(route, e.what());
    }
    co_return refuse({500, "internal_error", "an error of the gateway's own; see its log"});
  }

  void report(const Route& route, const char* what) {
    context_.failures.at(log::Level::error, "http", "request failed route={} error={:?}",
                         route.pattern, what);
  }

  asio::awaitable<bool> refuse_unread(boost::system::error_code error) {
    const auto refusal = refusal_of(error);
    if (!refusal) co_return false;
    count(nullptr, refusal->status);
    const Response response = refuse(*refusal);
    const Manner closing;
    co_return co_await send(response, closing);
  }

  // False when nothing more is to be read.
  asio::awaitable<bool> send(const Response& response, Manner manner) {
    Wire wire = to_wire(response, manner);
    boost::system::error_code error;
    stream_.expires_after(context_.options.request_timeout);
    co_await bhttp::async_write(stream_, wire, asio::redirect_error(asio::use_awaitable, error));
    co_return !error && manner.keep_alive;
  }

  // Closing with unread bytes would reset the connection, and the answer might never be seen.
  asio::awaitable<void> drain() {
    boost::system::error_code error;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
    stream_.expires_after(drain_time);
    std::size_t drained = 0;
    while (!error && drained < drain_bytes) {
      buffer_.clear();
      const auto space = buffer_.prepare(8192);
      const std::size_t size =
          co_await stream_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error));
      drained += size;
    }
  }

  void count(const Route* route, int status) {
    const std::string pattern(route ? route->pattern : "none");
    context_.api.metrics
        .counter("gbgate_http_requests_total", "HTTP requests answered",
                 {{"route", pattern}, {"status", std::to_string(status)}})
        .add();
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  ConnectionContext& context_;
  asio::ip::address peer_;
};

}  // namespace

asio::awaitable<void> serve(asio::ip::tcp::socket socket, ConnectionContext& context) {
  Connection connection(std::move(socket), context);
  co_await connection.run();
}

std::string too_many_connections() {
  const Response response =
      refuse({503, "too_many_connections", "http.max_connections is reached; try again later"});
  return "HTTP/1.1 503 Service Unavailable\r\nServer: gbgate\r\nConnection: close\r\n"
         "Retry-After: 5\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
}

}  // namespace gateway::http

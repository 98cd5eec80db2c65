#include "sip/net/ws_connection.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "sip/net/connection_table.hpp"
#include "sip/net/utf8.hpp"
#include "sip/net/ws_byte_stream.hpp"
#include "sip/scan.hpp"

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace sip::net {
namespace {

constexpr std::size_t most_head_bytes = 8 * 1024;
constexpr auto ping_after = std::chrono::seconds(60);  // of silence; NATs forget soon after
constexpr std::string_view sub_protocol = "sip";
constexpr std::string_view keep_alive_ping = "\r\n\r\n";
constexpr std::string_view keep_alive_pong = "\r\n";

using Upgrade = http::request_parser<http::empty_body>;

// RFC 7118 4.1: the client lists the protocols that it would speak.
bool offers_sip(const Upgrade::value_type& request) {
  const std::string_view offered = request["Sec-WebSocket-Protocol"];
  for (std::size_t at = 0; at <= offered.size();) {
    const auto end = std::min(offered.find(',', at), offered.size());
    auto one = offered.substr(at, end - at);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (scan::iequals(one, sub_protocol)) return true;
    at = end + 1;
  }
  return false;
}

class WsConnection final : public Connection {
 public:
  using Connection::Connection;

  void send(std::string_view message) override;
  void flush() override;
  void ping() override {}  // Beast pings when it is silent
  void shut() override {
    Connection::shut();
    queue_.clear();
  }

 private:
  using Socket = websocket::stream<WsByteStream>;

  template <class F>  // F: void(error_code, ...); not called any more when closed
  auto guarded(F f) {
    return [self = shared_from_this(), this, f](error_code ec, auto&&...) {
      if (!is_closed()) f(ec);
    };
  }
  void opened() override;
  void set_timeouts();
  void ask();
  void on_answer(error_code ec);
  void on_request(error_code ec);
  void refuse();
  void accept();
  void receive();
  void on_message();
  void write();

  std::optional<Socket> socket_;
  std::optional<Upgrade> upgrade_;
  std::optional<websocket::response_type> answer_;  // to ours
  std::optional<http::response<http::string_body>> refusal_;
  beast::flat_buffer buffer_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
};

// --- the upgrade ---------------------------------------------------------------------------------

void WsConnection::opened() {
  socket_.emplace(stream_, weak_from_this());
  if (!was_accepted()) return ask();
  upgrade_.emplace();
  upgrade_->header_limit(most_head_bytes);
  http::async_read_header(socket_->next_layer(), buffer_, *upgrade_,
                          guarded([this](error_code ec) { on_request(ec); }));
}

void WsConnection::ask() {
  set_timeouts();
  socket_->set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(http::field::sec_websocket_protocol, sub_protocol);
  }));
  answer_.emplace();
  auto host = domain().empty() ? to_host(flow().remote.ip) : domain();
  host += ':' + std::to_string(flow().remote.port);
  socket_->async_handshake(*answer_, host, "/", guarded([this](error_code ec) { on_answer(ec); }));
}

// RFC 7118 4.1: a server that does not choose "sip" speaks something else.
void WsConnection::on_answer(error_code ec) {
  if (ec) return fail();
  const std::string_view chosen = (*answer_)[http::field::sec_websocket_protocol];
  if (!scan::iequals(chosen, sub_protocol)) return fail();
  answer_.reset();
  ready();
  receive();
  if (!is_closed()) flush();  // what was queued meanwhile
}

void WsConnection::on_request(error_code ec) {
  if (ec) return fail();
  const auto& request = upgrade_->get();
  // Bytes behind the request would be frames that nobody may send yet.
  const bool fits = websocket::is_upgrade(request) && offers_sip(request) && buffer_.size() == 0;
  return fits ? accept() : refuse();
}

void WsConnection::refuse() {
  ++table_->counters->ws_refusals;
  refusal_.emplace(http::status::bad_request, upgrade_->get().version());
  refusal_->set(http::field::sec_websocket_protocol, sub_protocol);
  refusal_->body() = "This is SIP over WebSocket (RFC 7118): offer the protocol \"sip\".\n";
  refusal_->keep_alive(false);
  refusal_->prepare_payload();
  http::async_write(socket_->next_layer(), *refusal_, guarded([this](error_code) { fail(); }));
}

void WsConnection::set_timeouts() {
  websocket::stream_base::timeout timeout;
  timeout.handshake_timeout = table_->limits.connect_within;
  timeout.idle_timeout = ping_after;
  timeout.keep_alive_pings = true;
  socket_->set_option(timeout);
  socket_->read_message_max(table_->limits.ws_message_bytes);
  socket_->control_callback(
      [this](websocket::frame_type, beast::string_view) { heard(Clock::now()); });
}

void WsConnection::accept() {
  set_timeouts();
  socket_->set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, sub_protocol);
  }));
  socket_->async_accept(upgrade_->get(), guarded([this](error_code ec) {
                          if (ec) return fail();
                          upgrade_.reset();
                          ready();
                          receive();
                        }));
}

// --- messages ------------------------------------------------------------------------------------

void WsConnection::receive() {
  socket_->async_read_some(buffer_, 0, guarded([this](error_code ec) {
                             if (ec) return fail();
                             if (socket_->is_message_done()) {
                               on_message();
                             } else {
                               incomplete(Clock::now());
                             }
                             if (!is_closed()) receive();
                           }));
}

void WsConnection::on_message() {
  const auto whole = buffer_.cdata();
  const std::string_view bytes(static_cast<const char*>(whole.data()), whole.size());
  ++table_->counters->stream_reads;
  table_->counters->bytes_received += bytes.size();
  understood(Clock::now());
  auto* sink = table_->sink;
  sink->begin_batch();
  if (bytes == keep_alive_ping) {
    ++table_->counters->keep_alives_received;
    send(keep_alive_pong);
  } else if (bytes != keep_alive_pong) {
    sink->on_message(bytes, flow());
  }
  if (table_->sink) sink->end_batch();
  buffer_.consume(buffer_.size());
}

void WsConnection::send(std::string_view message) {
  if (queued_bytes_ + message.size() > table_->limits.queue_bytes) {
    ++table_->counters->queues_overrun;
    return fail();
  }
  queued_bytes_ += message.size();
  queue_.emplace_back(message);
  table_->flush_later(shared_from_this());
}

void WsConnection::flush() {
  if (is_open() && !writing_ && !queue_.empty()) write();
}

// Text, as browsers like it, unless it is none.
void WsConnection::write() {
  writing_ = true;
  writes_wait(Clock::now());
  socket_->text(is_utf8(queue_.front()));
  auto message = std::make_shared<std::string>(std::move(queue_.front()));
  queue_.pop_front();
  const auto buffer = boost::asio::buffer(*message);
  socket_->async_write(buffer, guarded([this, message](error_code ec) {
                         writing_ = false;
                         if (ec) return fail();
                         queued_bytes_ -= message->size();
                         ++table_->counters->stream_writes;
                         table_->counters->bytes_sent += message->size();
                         writes_went(Clock::now());
                         flush();
                       }));
}

}  // namespace

ConnectionPtr accept_websocket(std::shared_ptr<ConnectionTable> table, ByteStream stream,
                               const Flow& flow) {
  return std::make_shared<WsConnection>(std::move(table), std::move(stream), flow,
                                        Connection::Origin::accepted);
}

ConnectionPtr connect_websocket(std::shared_ptr<ConnectionTable> table, ByteStream stream,
                                const Flow& flow) {
  return std::make_shared<WsConnection>(std::move(table), std::move(stream), flow,
                                        Connection::Origin::ours);
}

}  // namespace sip::net

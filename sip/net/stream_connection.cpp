#include "sip/net/stream_connection.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "sip/message.hpp"
#include "sip/net/connection_table.hpp"
#include "sip/via.hpp"

using boost::asio::ip::tcp;

namespace sip::net {
namespace {
constexpr int reads_per_wake = 8;  // then others on this thread have their turn
constexpr std::size_t worth_keeping = 64 * 1024;
}  // namespace

void StreamConnection::opened() {
  ready();
  flush();  // what was queued while it connected
  if (!is_closed()) receive();
}

void StreamConnection::wait() {
  when_ready(tcp::socket::wait_read, [this] { receive(); });
}

void StreamConnection::receive() {
  auto* sink = table_->sink;
  sink->begin_batch();
  const bool goes_on = read();
  if (table_->sink) sink->end_batch();  // what was asked before the end is answered
  if (is_closed()) return;
  if (!goes_on) return fail();
  // TLS may hold what the socket will not announce again.
  if (!std::exchange(more_, false)) return wait();
  boost::asio::post(table_->io, [self = shared_from_this(), this] {
    if (!is_closed()) receive();
  });
}

bool StreamConnection::read() {
  for (int i = 0; i < reads_per_wake; ++i) {
    const auto buffer = table_->read_buffer();
    const auto result = stream_.read(buffer);
    const bool has_none = result.status == ByteStream::Status::wants_read ||
                          result.status == ByteStream::Status::wants_write;
    if (has_none) return true;
    if (result.status != ByteStream::Status::done) return false;
    ++table_->counters->stream_reads;
    table_->counters->bytes_received += result.size;
    framer_.push({buffer.data(), result.size});
    if (!deliver()) return false;
    if (is_closed() || (!stream_.is_secured() && result.size < buffer.size())) return true;
  }
  more_ = true;
  return true;
}

// Every message that the stream holds whole. False: the stream cannot be cut any further.
bool StreamConnection::deliver() {
  const auto now = Clock::now();
  heard(now);
  while (!is_closed()) {
    const auto frame = framer_.next();
    if (!frame) {
      ++table_->counters->broken_streams;
      return false;
    }
    if (!*frame) break;
    understood(now);
    if ((*frame)->kind == Frame::Kind::message) {
      if (std::exchange(first_, false)) note_alias((*frame)->bytes);
      table_->sink->on_message((*frame)->bytes, flow());
    } else if ((*frame)->kind == Frame::Kind::ping) {
      ++table_->counters->keep_alives_received;
      send("\r\n");
    }
  }
  if (!is_closed() && framer_.pending() != 0) incomplete(now);
  return true;
}

// RFC 5923 5: a peer that proved by its certificate who it is may ask to be reached by this
// connection at the port that its Via names.
void StreamConnection::note_alias(std::string_view message) {
  auto* certificate = was_accepted() ? peer_certificate() : nullptr;
  if (!certificate) return;
  const auto parsed = parse_message(message);
  if (!parsed) return;
  const auto via = parsed->via();
  if (!via || !via->has_alias) return;
  const auto ip = IpAddress::parse(via->sent_by.host);
  const bool is_its_own =
      ip ? *ip == flow().remote.ip : is_certificate_of(certificate, via->sent_by.host, {});
  if (!is_its_own) return;
  table_->alias(*this, {flow().remote.ip, via->sent_by.port_or(default_port(flow().transport))});
}

void StreamConnection::send(std::string_view message) {
  if (queued_.size() - sent_ + message.size() > table_->limits.queue_bytes) {
    ++table_->counters->queues_overrun;
    return fail();  // it does not read
  }
  queued_ += message;
  if (is_open() && !waiting_) table_->flush_later(shared_from_this());
}

void StreamConnection::wait_for_room() {
  writes_wait(Clock::now());
  waiting_ = true;
  when_ready(tcp::socket::wait_write, [this] {
    waiting_ = false;
    flush();
  });
}

void StreamConnection::flush() {
  while (sent_ < queued_.size()) {
    const auto result = stream_.write(std::string_view(queued_).substr(sent_));
    if (result.status == ByteStream::Status::wants_write) return wait_for_room();
    if (result.status != ByteStream::Status::done) return fail();
    sent_ += result.size;
    ++table_->counters->stream_writes;
    table_->counters->bytes_sent += result.size;
  }
  if (sent_ != 0) writes_went(Clock::now());
  sent_ = 0;
  queued_.clear();
  if (queued_.capacity() > worth_keeping) queued_ = {};
}

}  // namespace sip::net

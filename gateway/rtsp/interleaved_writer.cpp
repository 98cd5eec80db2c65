#include "gateway/rtsp/interleaved_writer.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "gateway/rtsp/live_viewer.hpp"

namespace gateway::rtsp {

bool GatherBatch::full() const {
  return entry_count_ == max_packets ||
         vector_count_ + 2 + rtp::OutPacket::max_slices > max_vectors;
}

bool GatherBatch::add(InterleavedWriter::Feed& feed, std::uint64_t index,
                      const rtp::OutPacket& packet, std::uint8_t channel) {
  if (full()) return false;
  const auto before = bytes_;
  const auto first_vector = vector_count_;
  const bool own_prefix = packet.head[1] != channel;
  if (own_prefix) {
    auto* prefix = prefixes_[entry_count_];
    std::memcpy(prefix, packet.head.data(), rtp::OutPacket::prefix_size);
    prefix[1] = channel;
    add_bytes(prefix, rtp::OutPacket::prefix_size);
  }
  packet.for_each_piece(own_prefix ? rtp::OutPacket::prefix_size : 0,
                        [&](const std::uint8_t* data, std::size_t size) { add_bytes(data, size); });
  entries_[entry_count_++] = {&feed, index, bytes_ - before, first_vector};
  return true;
}

InterleavedWriter::InterleavedWriter(boost::asio::ip::tcp::socket& socket,
                                     std::function<void(const std::string& reason)> on_failure)
    : socket_(socket), on_failure_(std::move(on_failure)), last_progress_ns_(steady_ns()) {}

void InterleavedWriter::add(Feed& feed) {
  if (std::find(feeds_.begin(), feeds_.end(), &feed) == feeds_.end()) feeds_.push_back(&feed);
}

void InterleavedWriter::remove(Feed& feed) {
  std::erase(feeds_, &feed);
}

void InterleavedWriter::queue(std::string_view bytes) {
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  if (queued_bytes() > queue_limit) fail("peer does not read its answers");
}

void InterleavedWriter::queue_frame(std::uint8_t channel, std::span<const std::uint8_t> payload) {
  queue_.insert(queue_.end(), {'$', channel, static_cast<std::uint8_t>(payload.size() >> 8),
                               static_cast<std::uint8_t>(payload.size())});
  queue_.insert(queue_.end(), payload.begin(), payload.end());
  if (queued_bytes() > queue_limit) fail("peer does not read its RTCP");
}

void InterleavedWriter::flush() {
  if (failed_) return;
  const auto now_ns = steady_ns();
  if (waiting_) return tell_blocked(now_ns);
  while (write_batch(now_ns)) {
  }
}

bool InterleavedWriter::write_batch(std::int64_t now_ns) {
  for (auto* feed : feeds_) feed->prepare(now_ns, queue_);
  GatherBatch batch;
  if (queued_bytes() > 0) batch.add_bytes(queue_.data() + queue_sent_, queued_bytes());
  bool more = false;
  for (auto* feed : feeds_) more = feed->gather(batch) || more;
  if (batch.empty()) return false;

  msghdr message{};
  static_assert(sizeof(GatherBatch::Vector) == sizeof(iovec) &&
                offsetof(GatherBatch::Vector, size) == offsetof(iovec, iov_len));
  message.msg_iov = reinterpret_cast<iovec*>(batch.vectors_);
  message.msg_iovlen = batch.vector_count_;
  ssize_t written;
  do {
    written = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (written < 0 && errno == EINTR);
  if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    fail(std::string("connection lost: ") + std::strerror(errno));
    return false;
  }
  const auto bytes = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
  if (bytes > 0) last_progress_ns_ = now_ns;
  take(batch, bytes);
  if (bytes == batch.bytes_) return more;
  wait_writable();
  tell_blocked(now_ns);
  return false;
}

void InterleavedWriter::take(GatherBatch& batch, std::size_t bytes) {
  bytes = take_queue(bytes);
  for (std::size_t i = 0; i < batch.entry_count_ && bytes > 0; ++i) {
    const auto& entry = batch.entries_[i];
    if (bytes < entry.bytes) keep_rest(batch, i, bytes);
    bytes -= std::min(bytes, entry.bytes);
    entry.feed->sent(entry.index);
  }
}

// What is left of `bytes` when the queue has had its share.
std::size_t InterleavedWriter::take_queue(std::size_t bytes) {
  const auto of_queue = std::min(bytes, queued_bytes());
  queue_sent_ += of_queue;
  if (queue_sent_ == queue_.size()) {
    queue_.clear();
    queue_sent_ = 0;
    if (queue_.capacity() > frames_limit) queue_.shrink_to_fit();
  }
  return bytes - of_queue;
}

// A frame that was begun must be finished, even when the ring has dropped its packet by then: the
// rest of it is copied.
void InterleavedWriter::keep_rest(const GatherBatch& batch, std::size_t entry,
                                  std::size_t sent_bytes) {
  const auto first = batch.entries_[entry].first_vector;
  std::size_t left = batch.entries_[entry].bytes;
  for (auto i = first; left > 0; ++i) {
    const auto& vector = batch.vectors_[i];
    const auto skipped = std::min(sent_bytes, vector.size);
    const auto* data = static_cast<const std::uint8_t*>(vector.data);
    queue_.insert(queue_.end(), data + skipped, data + vector.size);
    sent_bytes -= skipped;
    left -= vector.size;
  }
}

void InterleavedWriter::wait_writable() {
  if (waiting_) return;
  waiting_ = true;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_write,
                     [weak = weak_from_this()](const boost::system::error_code& error) {
                       const auto self = weak.lock();
                       if (!self || error) return;
                       self->waiting_ = false;
                       self->flush();
                     });
}

void InterleavedWriter::tell_blocked(std::int64_t now_ns) {
  for (auto* feed : feeds_) feed->blocked(now_ns);
}

std::int64_t InterleavedWriter::blocked_ns(std::int64_t now_ns) const {
  return waiting_ ? now_ns - last_progress_ns_ : 0;
}

void InterleavedWriter::fail(const std::string& reason) {
  if (failed_) return;
  failed_ = true;
  on_failure_(reason);
}

}  // namespace gateway::rtsp

// Everything that is written to one RTSP connection: answers, RTCP and the packets of its sessions,
// whole frames one after the other, many of them in one gather write. Shell.
//
// Never waits and never copies a packet, except for the rest of one that the socket took in part.
// What the socket does not take stays in the stream's ring, so that a slow viewer costs no memory.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rtp/media.hpp"

struct iovec;

namespace gateway::rtsp {

class GatherBatch;

class InterleavedWriter : public std::enable_shared_from_this<InterleavedWriter> {
 public:
  // A session whose packets go over this connection.
  class Feed {
   public:
    virtual ~Feed() = default;
    // Appends whole interleaved frames that must go before its next packet.
    virtual void prepare(std::int64_t now_ns, std::vector<std::uint8_t>& frames) = 0;
    // Adds packets until the batch is full or a packet must wait for prepare(); then true.
    virtual bool gather(GatherBatch& batch) = 0;
    // The packet is the kernel's, or will be.
    virtual void sent(std::uint64_t index) = 0;
    // The socket takes no more for now.
    virtual void blocked(std::int64_t now_ns) = 0;
  };

  // Beyond this many bytes of answers and RTCP that the peer does not take, the connection fails.
  static constexpr std::size_t queue_limit = 512 * 1024;
  // Feeds that make frames themselves stop above this.
  static constexpr std::size_t frames_limit = 128 * 1024;

  // `socket` outlives it. `on_failure` is called once, from inside anything.
  InterleavedWriter(boost::asio::ip::tcp::socket& socket,
                    std::function<void(const std::string& reason)> on_failure);

  void add(Feed& feed);
  void remove(Feed& feed);
  // Queues bytes that belong together; flush() sends them.
  void queue(std::string_view bytes);
  void queue_frame(std::uint8_t channel, std::span<const std::uint8_t> payload);
  // Sends what there is, answers before packets.
  void flush();
  // For how long the socket has taken nothing; 0 when nothing waits.
  std::int64_t blocked_ns(std::int64_t now_ns) const;
  std::size_t queued_bytes() const { return queue_.size() - queue_sent_; }
  bool failed() const { return failed_; }

 private:
  bool write_batch(std::int64_t now_ns);  // true: go on
  void take(GatherBatch& batch, std::size_t bytes);
  std::size_t take_queue(std::size_t bytes);
  void keep_rest(const GatherBatch& batch, std::size_t entry, std::size_t sent_bytes);
  void wait_writable();
  void tell_blocked(std::int64_t now_ns);
  void fail(const std::string& reason);

  boost::asio::ip::tcp::socket& socket_;
  std::function<void(const std::string& reason)> on_failure_;
  std::vector<Feed*> feeds_;
  std::vector<std::uint8_t> queue_;  // goes before any packet
  std::size_t queue_sent_ = 0;
  bool waiting_ = false, failed_ = false;
  std::int64_t last_progress_ns_ = 0;
};

// One gather write. Filled by feeds.
class GatherBatch {
 public:
  static constexpr std::size_t max_vectors = 1024;  // IOV_MAX
  static constexpr std::size_t max_packets = 256;

  // False, and nothing added, when it is full. `packet` must stay where it is until the write.
  bool add(InterleavedWriter::Feed& feed, std::uint64_t index, const rtp::OutPacket& packet,
           std::uint8_t channel);
  bool empty() const { return bytes_ == 0; }
  bool full() const;

 private:
  friend class InterleavedWriter;
  struct Vector {  // as struct iovec
    const void* data;
    std::size_t size;
  };
  struct Entry {
    InterleavedWriter::Feed* feed;
    std::uint64_t index;
    std::size_t bytes;
    std::size_t first_vector;
  };
  void add_bytes(const void* data, std::size_t size) {
    vectors_[vector_count_++] = {data, size};
    bytes_ += size;
  }

  // Not initialised: a batch is made for each write.
  Vector vectors_[max_vectors];
  Entry entries_[max_packets];
  std::uint8_t prefixes_[max_packets][4];
  std::size_t vector_count_ = 0, entry_count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace gateway::rtsp

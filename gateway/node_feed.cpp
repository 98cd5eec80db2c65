#include "gateway/node_feed.hpp"

#include <fmt/format.h>

#include "gateway/log.hpp"
#include "sip/address.hpp"

namespace gateway {

using namespace std::chrono_literals;

NodeFeed::NodeFeed(MediaPlane& plane, http::IngestRequest request, std::string host, Stream& stream,
                   FeedUser& user)
    : plane_(plane),
      request_(std::move(request)),
      host_(std::move(host)),
      stream_(stream),
      user_(user),
      tick_(plane.shard().clock(), [this](sip::TimePoint now) {
        ingest_->tick(now);
        tick_.set(now + 1s);
      }) {}

NodeFeed::~NodeFeed() {
  if (own_ssrc_) plane_.resources().give_back_ssrc(*own_ssrc_, sip::Clock::now());
  if (ingest_ && !over_) plane_.account(ingest_->figures());
}

std::string NodeFeed::open() {
  const auto remote = sip::Address::parse(request_.remote);
  if (request_.transport == MediaTransport::tcp_active && (!remote || remote->port == 0))
    return fmt::format("tcp-active needs \"remote\" as ADDRESS:PORT, not {:?}", request_.remote);
  if (!request_.ssrc) {
    const auto ssrc = plane_.resources().take_ssrc(sip::Clock::now());
    if (!ssrc) return ssrc.error().message();
    request_.ssrc = own_ssrc_ = *ssrc;
  }
  auto opened = plane_.open(stream_, request_.transport, {*request_.ssrc}, *this);
  if (!opened.ingest) return opened.error;
  ingest_ = std::move(opened.ingest);
  if (remote) ingest_->expect_host(sip::to_string(remote->ip));
  if (request_.transport == MediaTransport::tcp_active)
    ingest_->connect({boost::asio::ip::make_address(sip::to_string(remote->ip)), remote->port});
  tick_.set(sip::Clock::now() + 1s);
  log::info("media", "ingest open name={} at={}:{}/{}", request_.name, host_, port(),
            to_string(request_.transport));
  return {};
}

void NodeFeed::stop(const std::string& reason) {
  if (over_) return;
  over_ = true;
  tick_.clear();
  plane_.account(ingest_->figures());
  ingest_->close();
  log::info("media", "ingest over name={}: {}", request_.name, reason);
  user_.on_feed_ended(reason);
}

Feed::Source NodeFeed::source() const {
  Source source;
  source.transport = request_.transport;
  source.local_address = fmt::format("{}:{}", host_, port());
  return source;
}

void NodeFeed::on_first_media() {
  log::info("media", "media flows name={} from={}", request_.name,
            ingest_->figures().remote_address);
}

// A passive port waits for the sender to come back; a connection of ours is over.
void NodeFeed::on_media_closed(const std::string& reason) {
  log::info("media", "sender gone name={}: {}", request_.name, reason);
  if (request_.transport == MediaTransport::tcp_active) stop(reason);
}

}  // namespace gateway

#include "gateway/rtsp/udp_viewer.hpp"

#include <algorithm>

namespace gateway::rtsp {

UdpViewer::UdpViewer(std::shared_ptr<Session> session, ViewerLimits limits, UdpPace pace,
                     UdpSender& sender, boost::asio::any_io_executor executor,
                     boost::asio::ip::address address, Over over)
    : LiveViewer(std::move(session), limits, std::move(over)),
      pace_(pace),
      sender_(sender),
      slots_(std::max<std::size_t>(sender.ports().size(), 1)),
      address_(std::move(address)),
      timer_(executor) {
  update_destinations();
  sender_.add(*this);
}

UdpViewer::~UdpViewer() {
  sender_.remove(*this);
}

// SETUP may have added tracks since.
void UdpViewer::update_destinations() {
  for (const auto& setup : session_->setups()) {
    if (find(setup.track)) continue;
    Destination destination{.track = setup.track,
                            .rtp = {address_, setup.transport.client_rtp_port},
                            .rtcp = {address_, setup.transport.client_rtcp_port}};
    destinations_.push_back(destination);
  }
}

UdpViewer::Destination* UdpViewer::find(std::size_t track) {
  for (auto& destination : destinations_)
    if (destination.track == track) return &destination;
  return nullptr;
}

void UdpViewer::transmit(std::int64_t now_ns) {
  if (!playing() || pacing_) return;
  if (blocked_) return head_.check_backlog(now_ns);
  head_.refresh(now_ns);
  const auto budget = head_.catching_up() ? pace_.catch_up_bytes : pace_.burst_bytes;
  std::size_t sent_bytes = 0;
  while (sent_bytes < budget) {
    head_.refresh(now_ns);
    const auto index = head_.next(head_.position());
    if (index == stream().end()) return head_.reached_end();
    const auto* packet = &stream().packet(index);
    if (const auto due_ns = head_.due_ns(index); due_ns > now_ns) return wait_pace(due_ns - now_ns);
    const std::size_t track = ts_ ? 0 : packet->track;
    auto* destination = find(track);
    if (!destination) {
      update_destinations();
      destination = find(track);
    }
    if (!destination) return;
    if (reports_.first_due(track)) report(track, now_ns);
    const auto bytes =
        ts_ ? send_ts(*destination) : send_run(*destination, budget - sent_bytes, now_ns);
    sent_bytes += bytes;
    if (blocked_) {
      blocked_since_ns_ = now_ns;
      return head_.check_backlog(now_ns);
    }
  }
  wait_pace();
}

// Packets of one track that lie together.
std::size_t UdpViewer::send_run(Destination& destination, std::size_t budget, std::int64_t now_ns) {
  DatagramBatch batch(destination.rtp);
  std::uint64_t indices[DatagramBatch::max_datagrams];
  std::size_t bytes = 0;
  for (auto i = head_.next(head_.position()); i < stream().end() && bytes < budget;
       i = head_.next(i + 1)) {
    const auto& packet = stream().packet(i);
    if (packet.track != destination.track || head_.due_ns(i) > now_ns) break;
    const auto at = batch.size();
    if (!batch.add(packet)) break;
    indices[at] = i;
    bytes += packet.size_bytes;
  }
  const auto done = sender_.send({slot_of(destination.track), false}, batch);
  blocked_ = done < batch.size();
  for (std::size_t i = 0; i < done; ++i) {
    count(stream().packet(indices[i]).size_bytes);
    head_.sent(indices[i]);
  }
  return bytes;
}

// A datagram that the socket does not take is lost; the ring's packet has gone into it already.
std::size_t UdpViewer::send_ts(Destination& destination) {
  const auto index = head_.position();
  const auto next = head_.next(index);
  datagrams_.clear();
  ts_->push(stream().packet(next), datagrams_);
  head_.sent(next);
  std::size_t at = 0, i = 0;
  while (i < datagrams_.sizes.size()) {
    DatagramBatch batch(destination.rtp);
    for (; i < datagrams_.sizes.size() && batch.size() < DatagramBatch::max_datagrams; ++i) {
      batch.add({datagrams_.bytes.data() + at, datagrams_.sizes[i]});
      at += datagrams_.sizes[i];
      count(datagrams_.sizes[i]);
    }
    if (sender_.send({slot_of(0), false}, batch) < batch.size()) {
      blocked_ = true;
      break;
    }
  }
  return at;
}

void UdpViewer::wait_pace(std::int64_t at_least_ns) {
  pacing_ = true;
  timer_.expires_after(
      std::max<std::chrono::nanoseconds>(pace_.interval, std::chrono::nanoseconds(at_least_ns)));
  timer_.async_wait([this, weak = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || weak.expired()) return;
    pacing_ = false;
    transmit(steady_ns());
  });
}

void UdpViewer::send_rtcp(std::size_t track, std::span<const std::uint8_t> bytes) {
  const auto* destination = find(track);
  if (!destination) return;
  DatagramBatch batch(destination->rtcp);
  batch.add(bytes);
  sender_.send({slot_of(track), true}, batch);  // one that is lost is made up for by the next
}

bool UdpViewer::stalled(std::int64_t now_ns) const {
  return blocked_ && now_ns - blocked_since_ns_ > limits_.stall_ns;
}

bool UdpViewer::is_at(UdpSender::Port port, const UdpEndpoint& from) const {
  return std::any_of(destinations_.begin(), destinations_.end(), [&](const Destination& d) {
    return slot_of(d.track) == port.slot && (port.rtcp ? d.rtcp : d.rtp) == from;
  });
}

bool UdpViewer::may_be_at(UdpSender::Port port, const UdpEndpoint& from) const {
  return from.address() == address_ &&
         std::any_of(destinations_.begin(), destinations_.end(), [&](const Destination& d) {
           return slot_of(d.track) == port.slot && !(port.rtcp ? d.rtcp_heard : d.rtp_heard);
         });
}

// Symmetric RTP: where the viewer sends from is where it can be reached, whatever it said in SETUP.
void UdpViewer::on_datagram(UdpSender::Port port, const UdpEndpoint& from,
                            std::span<const std::uint8_t> bytes) {
  for (auto& d : destinations_) {
    if (slot_of(d.track) != port.slot) continue;
    auto& known = port.rtcp ? d.rtcp : d.rtp;
    auto& heard = port.rtcp ? d.rtcp_heard : d.rtp_heard;
    if (heard && known != from) continue;
    known = from;
    heard = true;
    break;
  }
  const bool life_sign = !port.rtcp || on_rtcp(bytes);
  if (life_sign && touch_) touch_();
}

void UdpViewer::on_writable() {
  if (!blocked_) return;
  blocked_ = false;
  transmit(steady_ns());
}

}  // namespace gateway::rtsp

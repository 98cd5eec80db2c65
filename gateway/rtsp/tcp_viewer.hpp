// A session that plays over its RTSP connection (RFC 2326 10.12). Shell.
#pragma once

#include <memory>

#include "gateway/rtsp/interleaved_writer.hpp"
#include "gateway/rtsp/live_viewer.hpp"

namespace gateway::rtsp {

class TcpViewer final : public LiveViewer, private InterleavedWriter::Feed {
 public:
  TcpViewer(std::shared_ptr<Session> session, ViewerLimits limits,
            std::shared_ptr<InterleavedWriter> writer, Over over);
  ~TcpViewer() override;

 private:
  void transmit(std::int64_t now_ns) override;
  void send_rtcp(std::size_t track, std::span<const std::uint8_t> bytes) override;
  bool stalled(std::int64_t now_ns) const override;
  bool acknowledges() const override { return true; }

  void prepare(std::int64_t now_ns, std::vector<std::uint8_t>& frames) override;
  bool gather(GatherBatch& batch) override;
  void sent(std::uint64_t index) override;
  void blocked(std::int64_t now_ns) override { head_.check_backlog(now_ns); }

  void prepare_ts(std::vector<std::uint8_t>& frames);
  void prepare_report(std::size_t track, std::int64_t now_ns, std::vector<std::uint8_t>& frames);

  std::shared_ptr<InterleavedWriter> writer_;
  TsDatagrams datagrams_;
  std::vector<std::uint8_t> report_;
};

}  // namespace gateway::rtsp

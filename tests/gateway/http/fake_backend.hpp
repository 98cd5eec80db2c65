// A gateway made of lists, for the API's tests. What it was asked is in `calls`.
#pragma once

#include <string>
#include <vector>

#include "gateway/http/backend.hpp"
#include "tests/gateway/http/fake_sip.hpp"

namespace gateway::http {

class FakeBackend final : public Backend {
 public:
  std::vector<Device> devices;
  std::vector<Channel> channels;  // of every device
  std::vector<StreamInfo> streams;
  std::vector<Ingest> ingests;
  Readiness ready{true, ""};
  std::string calls;
  bool throws = false;
  FakeSip fake_sip{calls};

  SipBackend& sip() override { return fake_sip; }

  Version version() const override {
    return {"1.2.3", "34020000002000000001", "3402000000", 5060, 8554, {}};
  }
  Readiness readiness() const override { return ready; }
  Awaitable<std::vector<Shard>> shards() override {
    Shard busy;
    busy.busy_ratio = 0.25;
    busy.streams = 3;
    busy.viewers = 7;
    co_return std::vector<Shard>{busy};
  }

  Awaitable<Page<Device>> list_devices(DeviceFilter filter, Paging paging) override {
    if (throws) throw std::runtime_error("backend broken");
    calls += "devices text=" + filter.text +
             " online=" + (filter.online ? (*filter.online ? "yes" : "no") : "any") + ";";
    co_return page_of(devices, paging);
  }
  Awaitable<Reply<Device>> device(std::string id) override {
    for (const Device& device : devices)
      if (device.id == id) co_return device;
    co_return missing("device", id);
  }
  Awaitable<Reply<Page<Channel>>> list_channels(std::string id, ChannelFilter filter,
                                                Paging paging) override {
    calls += "channels " + id + " parent=" + filter.parent_id + ";";
    if (devices.empty()) co_return missing("device", id);
    co_return page_of(channels, paging);
  }
  Awaitable<Reply<void>> refresh_catalog(std::string id) override {
    calls += "catalog " + id + ";";
    if (devices.empty()) co_return Refusal(503, "device_offline", "3 keepalives missed");
    co_return Reply<void>();
  }
  Awaitable<Reply<void>> request_key_frame(std::string id, std::string channel) override {
    calls += "key-frame " + id + " " + channel + ";";
    co_return Reply<void>();
  }
  Awaitable<Page<StreamInfo>> list_streams(StreamFilter, Paging paging) override {
    co_return page_of(streams, paging);
  }
  Awaitable<Reply<StreamInfo>> stream(std::string name) override {
    for (const StreamInfo& stream : streams)
      if (stream.name == name) co_return stream;
    co_return missing("stream", name);
  }
  Awaitable<Reply<StreamStarted>> start_stream(StreamStart start) override {
    calls += "start " + start.name + (start.keep ? " keep;" : ";");
    if (start.name == "dead/1")
      co_return Refusal(504, "no_media", "device dead sent no RTP within 10 s");
    StreamStarted started;
    started.name = start.name;
    started.rtsp = "rtsp://127.0.0.1:8554/" + start.name;
    for (const StreamInfo& stream : streams)
      if (stream.name == start.name) started.already_running = true;
    co_return started;
  }
  Awaitable<Reply<void>> stop_stream(std::string name, std::string reason) override {
    calls += "stop " + name + " because " + reason + ";";
    if (streams.empty()) co_return missing("stream", name);
    co_return Reply<void>();
  }
  Awaitable<Page<Ingest>> list_ingests(Paging paging) override {
    co_return page_of(ingests, paging);
  }
  Awaitable<Reply<Ingest>> ingest(std::string id) override {
    for (const Ingest& ingest : ingests)
      if (ingest.id == id) co_return ingest;
    co_return missing("ingest", id);
  }
  Awaitable<Reply<Ingest>> create_ingest(IngestRequest request) override {
    for (const Ingest& ingest : ingests)
      if (ingest.name == request.name) co_return Refusal(409, "name_taken", request.name);
    Ingest made;
    made.id = "i" + std::to_string(ingests.size() + 1);
    made.name = request.name;
    made.transport = request.transport;
    made.host = "127.0.0.1";
    made.port = 30000;
    made.ssrc = request.ssrc;
    made.remote = request.remote;
    made.rtsp = "rtsp://127.0.0.1:8554/" + request.name;
    made.state = "waiting";
    ingests.push_back(made);
    co_return made;
  }
  Awaitable<Reply<void>> delete_ingest(std::string id) override {
    const std::size_t before = ingests.size();
    std::erase_if(ingests, [&](const Ingest& ingest) { return ingest.id == id; });
    if (ingests.size() == before) co_return missing("ingest", id);
    co_return Reply<void>();
  }

 private:
  static Refusal missing(const std::string& what, const std::string& id) {
    return {404, "not_found", "there is no " + what + " " + id};
  }
};

}  // namespace gateway::http

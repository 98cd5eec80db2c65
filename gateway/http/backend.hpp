// What the HTTP API needs of the gateway: one interface and the plain values that cross it. The API
// knows neither SIP nor GB/T 28181; the gateway knows neither JSON nor Beast.
//
// All calls come from the server's executor. They are coroutines, so that an answer may come from
// other shards or from another machine; parameters are values and may be kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "gateway/http/sip_backend.hpp"
#include "gateway/http/values.hpp"
#include "gateway/metrics.hpp"

namespace gateway::http {

// ---- devices ----

struct DeviceFilter {
  std::string text;            // part of id, name, manufacturer, model or address; any letter case
  std::optional<bool> online;  // unset: both
};

struct Device {
  std::string id, name, manufacturer, model, firmware;
  bool online = false;
  std::string offline_reason;  // when it is not
  std::string transport;       // "udp", "tcp"
  std::string remote_address;  // "10.0.0.5:5060"
  std::string gb_version;
  std::optional<WallTime> registered_until, last_seen;
  std::chrono::seconds keepalive_interval{60};
  std::size_t channels = 0;
};

struct ChannelFilter {
  std::string text;  // part of id, name or address; any letter case
  std::optional<bool> online;
  std::string parent_id;  // only children of it; empty: all
};

struct Channel {
  std::string id, name, manufacturer, model, address, parent_id, civil_code;
  bool online = false;
  int ptz_type = 0;
  std::optional<double> longitude_deg, latitude_deg;
  std::string rtsp;  // its live URL; the API may put the host that the client used in its place
};

// ---- streams ----

struct StreamTrack {
  std::string codec;  // "h264", "h265", "g711a", "aac", ...
  std::uint32_t ssrc = 0;
  std::uint8_t payload_type = 0;
  std::uint32_t clock_rate_hz = 0;
  std::uint32_t width = 0, height = 0;  // video; 0 while unknown
  double fps = 0;                       // video; measured
  std::uint8_t channels = 0;            // audio
};

struct StreamViewer {
  std::string id, remote_address, user_agent;
  std::string transport;  // "tcp", "udp", "satip"
  WallTime since{};
  std::uint64_t packets = 0, bytes = 0;
  std::uint64_t skips = 0;          // to a later key frame, because it could not keep up
  std::uint64_t skipped_units = 0;  // not sent for that
  std::int64_t queue_age_ms = 0;    // of the oldest packet that waits for it
};

// One of the last viewers that left.
struct DepartedViewer {
  StreamViewer viewer;
  WallTime until{};
  std::string reason;
  bool too_slow = false;  // it was disconnected for that
};

struct StreamSourceFigures {
  std::string transport;       // "udp", "tcp-passive", "tcp-active"
  std::string remote_address;  // where RTP comes from; empty until it came
  std::string local_address;
  std::uint32_t ssrc = 0;
  std::uint64_t packets = 0, bytes = 0;
  std::string payload;  // "ps", "es"; empty until something came
  std::uint64_t lost = 0, reordered = 0, duplicates = 0;
  std::uint64_t invalid = 0;        // no RTP
  std::uint64_t refused = 0;        // of other senders
  std::uint64_t dropped = 0;        // by the system: the socket's buffer was full
  std::uint64_t damaged_units = 0;  // frames that lost bytes
  std::uint64_t timestamp_jumps = 0;
  std::uint64_t resyncs = 0, skipped_bytes = 0;  // TCP: the sender broke the framing
  std::uint64_t receiver_reports = 0;            // sent
  double jitter_ms = 0;
  std::uint64_t bitrate_bps = 0;
};

struct StreamInfo {
  std::string name;   // the URL's path: "<device-id>/<channel-id>", or the name of an ingest
  std::string state;  // "starting", "live", "lingering", "resuming", "ended"
  std::string rtsp;
  std::string device_id, channel_id;  // empty for an ingest that none of our devices feeds
  std::optional<WallTime> since;      // first media
  std::vector<StreamTrack> tracks;
  StreamSourceFigures source;
  std::uint64_t key_frame_requests = 0;           // sent to the device for viewers
  std::string key_frames_on_request = "unknown";  // whether it obeys: "obeys", "ignores"
  std::vector<StreamViewer> viewers;
  std::vector<DepartedViewer> departed;
};

struct StreamFilter {
  std::string text;  // part of the name
};

struct StreamStart {
  std::string name;   // "<device-id>/<channel-id>"
  bool keep = false;  // true: runs without viewers until it is stopped; else it lingers as usual
};
struct StreamStarted {
  std::string name, rtsp;
  bool already_running = false;
};

// ---- ingests: the media node API ----

struct IngestRequest {
  std::string name;  // served at rtsp://HOST:8554/<name>
  MediaTransport transport = MediaTransport::udp;
  std::optional<std::uint32_t> ssrc;  // the one to expect; unset: one is chosen for the answer
  std::string remote;                 // "host:port"; due for tcp-active, else a filter or empty
};
struct Ingest {
  std::string id, name;
  MediaTransport transport = MediaTransport::udp;
  std::string host;  // where media is to be sent
  std::uint16_t port = 0;
  std::optional<std::uint32_t> ssrc;
  std::string remote;
  std::string rtsp;
  std::string state;  // "waiting", "live", "ended"
};

// ---- the whole ----

struct Readiness {
  bool ready = false;
  std::string detail;  // what is missing
};
// A thread that serves media.
struct Shard {
  unsigned index = 0;
  double busy_ratio = 0;  // of the last second
  std::size_t streams = 0, viewers = 0;
};
struct Version {
  std::string version, sip_id, sip_domain;
  std::uint16_t sip_port = 0, rtsp_port = 0;
  WallTime started{};
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Version version() const = 0;
  virtual Readiness readiness() const = 0;
  // What is to be added to the page of metrics.
  virtual Awaitable<MetricsPage> figures_elsewhere() { co_return MetricsPage(); }
  virtual Awaitable<std::vector<Shard>> shards() { co_return std::vector<Shard>(); }

  virtual Awaitable<Page<Device>> list_devices(DeviceFilter filter, Paging paging) = 0;
  virtual Awaitable<Reply<Device>> device(std::string device_id) = 0;
  virtual Awaitable<Reply<Page<Channel>>> list_channels(std::string device_id, ChannelFilter filter,
                                                        Paging paging) = 0;
  // Asks the device for its catalog and returns when the question was accepted; answers may take
  // minutes. 404 unknown, 503 off line.
  virtual Awaitable<Reply<void>> refresh_catalog(std::string device_id) = 0;
  // Asks the device for an I frame (GB/T 28181 IFameCmd).
  virtual Awaitable<Reply<void>> request_key_frame(std::string device_id,
                                                   std::string channel_id) = 0;

  virtual Awaitable<Page<StreamInfo>> list_streams(StreamFilter filter, Paging paging) = 0;
  virtual Awaitable<Reply<StreamInfo>> stream(std::string name) = 0;
  // Returns when media flows. 404 unknown, 503 off line or at a limit, 504 no answer or no media.
  virtual Awaitable<Reply<StreamStarted>> start_stream(StreamStart start) = 0;
  // Ends it for everyone; viewers are told `reason`.
  virtual Awaitable<Reply<void>> stop_stream(std::string name, std::string reason) = 0;

  virtual Awaitable<Page<Ingest>> list_ingests(Paging paging) = 0;
  virtual Awaitable<Reply<Ingest>> ingest(std::string id) = 0;
  // 409 when the name is taken, 503 when no port is free.
  virtual Awaitable<Reply<Ingest>> create_ingest(IngestRequest request) = 0;
  virtual Awaitable<Reply<void>> delete_ingest(std::string id) = 0;

  virtual SipBackend& sip() = 0;
};

}  // namespace gateway::http

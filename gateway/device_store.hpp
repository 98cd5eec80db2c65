// What must survive a restart: devices, their channels, and the calls that were up. One SQLite file
// (WAL); a process that is killed at any moment leaves it whole, and at most the last 50
// milliseconds unwritten.
//
// Shell: puts return at once and are written by one thread of the store, a transaction per batch.
// Rows are plain and know no SIP: the gateway maps them to its own types.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/error.hpp"

namespace gateway {

// Wall-clock time; the epoch itself means "never".
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct DeviceRow {
  std::string id;  // 20 digits; the key
  std::string name, manufacturer, model, firmware;
  std::string transport;       // "udp", "tcp", "tls"
  std::string remote_address;  // "10.0.0.5:5060": where its last request came from
  std::string contact;         // its Contact URI as registered
  std::string gb_version;      // X-GB-Ver
  WallTime registered_until{};
  WallTime last_seen{};
  std::uint32_t keepalive_interval_s = 60;
  bool online = false;         // as of the last write; a crash leaves it as it was
  std::string offline_reason;  // "unregistered", "3 keepalives missed", ...
  bool operator==(const DeviceRow&) const = default;
};

// GB/T 28181 annex A.2.1.9 item of a catalog; empty text where the device said nothing.
struct ChannelRow {
  std::string device_id, id;  // the key
  std::string name, manufacturer, model, owner, civil_code, address, parent_id, block;
  bool online = false;
  bool parental = false;
  std::int32_t ptz_type = 0;
  std::optional<double> longitude_deg, latitude_deg;
  bool operator==(const ChannelRow&) const = default;
};

// A dialog that is up, so that what a crash left behind can be ended by BYE at the next start.
struct CallRow {
  std::string call_id;  // the key
  std::string device_id, channel_id;
  std::string local_uri, local_tag, remote_uri, remote_tag;
  std::string remote_target;              // Contact of the answer: the BYE's request URI
  std::string route_set;                  // as one Route header value; may be empty
  std::string transport, remote_address;  // where the BYE goes
  std::uint32_t local_cseq = 0;
  std::string ssrc;  // y=, 10 digits
  std::uint16_t local_port = 0;
  WallTime since{};
  bool operator==(const CallRow&) const = default;
};

// What a stream was made of when it last ran; `tracks` as remembered_tracks.hpp writes them.
struct StreamRow {
  std::string name;  // the key: "<device>/<channel>"
  std::string tracks;
  bool operator==(const StreamRow&) const = default;
};

struct StoreLimits {
  std::size_t queued_rows = 200000;      // beyond it puts are dropped, counted and logged
  std::chrono::milliseconds gather{50};  // what comes in so short a time is written together
};

class DeviceStore {
 public:
  // Makes the file where there is none. One that is damaged is moved aside to
  // "<file>.damaged-<time>" (a log line says so) and a new one is begun; Errc::store_newer and
  // Errc::store_unusable where nothing can be done.
  static Result<std::unique_ptr<DeviceStore>> open(const std::filesystem::path& file,
                                                   StoreLimits limits = {});
  // Writes what is queued and ends the thread.
  ~DeviceStore();
  DeviceStore(const DeviceStore&) = delete;
  DeviceStore& operator=(const DeviceStore&) = delete;

  struct Content {
    std::vector<DeviceRow> devices;    // by id
    std::vector<ChannelRow> channels;  // by device, then in the order they were put
    std::vector<CallRow> calls;
    std::vector<StreamRow> streams;
  };
  // Everything; for the start, before any put. Blocks.
  Result<Content> load();

  // Inserts or replaces.
  void put_device(DeviceRow row);
  // The device with its channels and calls.
  void remove_device(std::string device_id);
  // A keepalive: only last_seen and online of a device that is there.
  void touch_device(std::string device_id, WallTime last_seen);
  // The whole catalog of a device: what is not in `rows` goes.
  void replace_channels(std::string device_id, std::vector<ChannelRow> rows);
  void put_stream(StreamRow row);
  void put_call(CallRow row);
  void remove_call(std::string call_id);

  // Blocks until all that was put before is on disk; for tests and the end of the program.
  void flush();

  struct Counters {
    std::uint64_t rows_written = 0, batches = 0, rows_dropped = 0, write_errors = 0;
    std::size_t queued_rows = 0;
  };
  Counters counters() const;

 private:
  class Impl;
  explicit DeviceStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gateway

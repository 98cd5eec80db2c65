// The tables behind DeviceStore: opening, schema, and one function per write. Blocking and
// single-threaded; DeviceStore runs it on its own thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gateway/device_store.hpp"
#include "gateway/error.hpp"
#include "gateway/sqlite.hpp"

namespace gateway {

class DeviceDatabase {
 public:
  // As DeviceStore::open.
  static Result<std::unique_ptr<DeviceDatabase>> open(const std::filesystem::path& file);

  Result<DeviceStore::Content> load();

  // Between begin() and commit(). Each is true when SQLite took it; error() tells why not.
  bool begin();
  bool commit();
  void rollback();
  bool put_device(const DeviceRow& row);
  bool remove_device(const std::string& device_id);
  bool touch_device(const std::string& device_id, WallTime last_seen);
  bool replace_channels(const std::string& device_id, const std::vector<ChannelRow>& rows);
  bool put_stream(const StreamRow& row);
  bool put_call(const CallRow& row);
  bool remove_call(const std::string& call_id);
  std::string error() const;

 private:
  explicit DeviceDatabase(sqlite::DatabaseHandle db);
  bool put_channel(const ChannelRow& row, std::int64_t position);

  sqlite::DatabaseHandle db_;  // first: statements must go before it
  sqlite::Statement begin_, commit_, rollback_;
  sqlite::Statement put_device_, remove_device_, touch_device_;
  sqlite::Statement remove_channels_, put_channel_;
  sqlite::Statement put_stream_, remove_streams_;
  sqlite::Statement put_call_, remove_call_, remove_device_calls_;
};

}  // namespace gateway

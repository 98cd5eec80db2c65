#include "gateway/device_store.hpp"

#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "gateway/device_database.hpp"
#include "gateway/log.hpp"

namespace gateway {
namespace {

struct RemoveDevice {
  std::string device_id;
};
struct TouchDevice {
  std::string device_id;
  WallTime last_seen;
};
struct ReplaceChannels {
  std::string device_id;
  std::vector<ChannelRow> rows;
};
struct RemoveCall {
  std::string call_id;
};
using Write = std::variant<DeviceRow, RemoveDevice, TouchDevice, ReplaceChannels, CallRow,
                           RemoveCall, StreamRow>;

std::size_t rows_of(const Write& write) {
  auto* channels = std::get_if<ReplaceChannels>(&write);
  return channels ? channels->rows.size() + 1 : 1;
}

// Writes of which only the newest matters have a key: a device that sends a keepalive while its
// last one is still queued costs nothing more.
std::string merge_key(const Write& write) {
  if (auto* row = std::get_if<DeviceRow>(&write)) return "d" + row->id;
  if (auto* touch = std::get_if<TouchDevice>(&write)) return "t" + touch->device_id;
  if (auto* channels = std::get_if<ReplaceChannels>(&write)) return "c" + channels->device_id;
  return {};
}

// Waiting writes in their order. Not thread-safe.
class WriteQueue {
 public:
  std::size_t rows() const { return rows_; }
  bool empty() const { return writes_.empty(); }

  // False when there is no room for it.
  bool push(Write write, std::size_t limit) {
    // What lies between two writes must stay between them: a row does not move before an earlier
    // keepalive, and nothing moves before a removal.
    if (auto* row = std::get_if<DeviceRow>(&write)) keep_after_touch(row->id);
    if (auto* removal = std::get_if<RemoveDevice>(&write)) forget(removal->device_id);
    const std::string key = merge_key(write);
    const std::size_t size = rows_of(write);
    auto place = key.empty() ? places_.end() : places_.find(key);
    const std::size_t replaced = place == places_.end() ? 0 : rows_of(writes_[place->second]);
    if (rows_ - replaced + size > limit) return false;
    rows_ += size - replaced;
    if (place != places_.end()) {
      writes_[place->second] = std::move(write);
      return true;
    }
    if (!key.empty()) places_[key] = writes_.size();
    writes_.push_back(std::move(write));
    return true;
  }

  std::vector<Write> take() {
    places_.clear();
    rows_ = 0;
    return std::exchange(writes_, {});
  }

 private:
  void keep_after_touch(const std::string& device_id) {
    if (places_.erase("t" + device_id) > 0) places_.erase("d" + device_id);
  }
  void forget(const std::string& device_id) {
    for (const char* kind : {"d", "t", "c"}) places_.erase(kind + device_id);
  }

  std::vector<Write> writes_;
  std::unordered_map<std::string, std::size_t> places_;  // merge key -> index in writes_
  std::size_t rows_ = 0;
};

}  // namespace

class DeviceStore::Impl {
 public:
  Impl(std::unique_ptr<DeviceDatabase> database, StoreLimits limits)
      : database_(std::move(database)), limits_(limits), thread_([this] { work(); }) {}

  ~Impl() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void push(Write write) {
    {
      std::lock_guard lock(mutex_);
      const std::size_t rows = rows_of(write);
      if (!queue_.push(std::move(write), limits_.queued_rows)) {
        counters_.rows_dropped += rows;
        dropped_.at(log::Level::error, "store", "too many unwritten rows; some are lost rows={}",
                    counters_.rows_dropped);
        return;
      }
      // Who is awake already need not be woken: a storm of writes is not a storm of system calls.
      if (pushed_++ != taken_) return;
    }
    wake_.notify_one();
  }

  Result<Content> load() {
    std::lock_guard lock(database_mutex_);
    return database_->load();
  }

  void flush() {
    std::unique_lock lock(mutex_);
    const std::uint64_t target = pushed_;
    hurry_ = true;
    wake_.notify_one();
    written_.wait(lock, [&] { return done_ >= target; });
  }

  Counters counters() const {
    std::lock_guard lock(mutex_);
    Counters counters = counters_;
    counters.queued_rows = queue_.rows();
    return counters;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      // A moment later there is more, and each transaction has its price.
      wake_.wait_for(lock, limits_.gather, [this] { return stopping_ || hurry_; });
      hurry_ = false;
      std::vector<Write> batch = queue_.take();
      const std::uint64_t target = taken_ = pushed_;
      lock.unlock();
      const std::size_t rows = write(batch);
      lock.lock();
      done_ = target;
      ++counters_.batches;
      counters_.rows_written += rows;
      if (rows == 0) ++counters_.write_errors;
      written_.notify_all();
    }
  }

  // One transaction; the number of rows, 0 when it failed and nothing was written.
  std::size_t write(const std::vector<Write>& batch) {
    std::lock_guard lock(database_mutex_);
    std::size_t rows = 0;
    bool ok = database_->begin();
    for (const Write& one : batch) {
      if (!ok) break;
      ok = std::visit([this](const auto& w) { return apply(w); }, one);
      rows += rows_of(one);
    }
    if (ok && database_->commit()) return rows;
    failed_.at(log::Level::error, "store", "a batch could not be written rows={} error={:?}",
               batch.size(), database_->error());
    database_->rollback();
    return 0;
  }

  bool apply(const DeviceRow& row) { return database_->put_device(row); }
  bool apply(const RemoveDevice& w) { return database_->remove_device(w.device_id); }
  bool apply(const TouchDevice& w) { return database_->touch_device(w.device_id, w.last_seen); }
  bool apply(const ReplaceChannels& w) { return database_->replace_channels(w.device_id, w.rows); }
  bool apply(const CallRow& row) { return database_->put_call(row); }
  bool apply(const StreamRow& row) { return database_->put_stream(row); }
  bool apply(const RemoveCall& w) { return database_->remove_call(w.call_id); }

  std::mutex database_mutex_;
  std::unique_ptr<DeviceDatabase> database_;
  StoreLimits limits_;
  log::Limited failed_;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable wake_, written_;
  WriteQueue queue_;
  std::uint64_t pushed_ = 0, taken_ = 0, done_ = 0;
  bool hurry_ = false;  // somebody waits
  bool stopping_ = false;
  Counters counters_;
  log::Limited dropped_;

  std::thread thread_;  // last: uses all the above
};

Result<std::unique_ptr<DeviceStore>> DeviceStore::open(const std::filesystem::path& file,
                                                       StoreLimits limits) {
  auto database = DeviceDatabase::open(file);
  if (!database) return database.error();
  auto impl = std::make_unique<Impl>(std::move(*database), limits);
  return std::unique_ptr<DeviceStore>(new DeviceStore(std::move(impl)));
}

DeviceStore::DeviceStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceStore::~DeviceStore() = default;

Result<DeviceStore::Content> DeviceStore::load() {
  return impl_->load();
}
void DeviceStore::put_device(DeviceRow row) {
  impl_->push(std::move(row));
}
void DeviceStore::remove_device(std::string device_id) {
  impl_->push(RemoveDevice{std::move(device_id)});
}
void DeviceStore::touch_device(std::string device_id, WallTime last_seen) {
  impl_->push(TouchDevice{std::move(device_id), last_seen});
}
void DeviceStore::replace_channels(std::string device_id, std::vector<ChannelRow> rows) {
  impl_->push(ReplaceChannels{std::move(device_id), std::move(rows)});
}
void DeviceStore::put_stream(StreamRow row) {
  impl_->push(std::move(row));
}
void DeviceStore::put_call(CallRow row) {
  impl_->push(std::move(row));
}
void DeviceStore::remove_call(std::string call_id) {
  impl_->push(RemoveCall{std::move(call_id)});
}
void DeviceStore::flush() {
  impl_->flush();
}
DeviceStore::Counters DeviceStore::counters() const {
  return impl_->counters();
}

}  // namespace gateway

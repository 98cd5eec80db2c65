#include "gateway/location_store.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "gateway/location_database.hpp"
#include "gateway/log.hpp"

namespace gateway {
namespace {

// One save() takes so many, some milliseconds' work.
constexpr std::size_t saved_at_once = 2000;

struct Batch {
  std::vector<sip::BindingChange> changes;
  Instant instant;
};

// Batches wait for a thread that writes each in one transaction.
class SqliteLocationStore final : public LocationStore {
 public:
  SqliteLocationStore(std::unique_ptr<LocationDatabase> database, LocationStoreLimits limits)
      : database_(std::move(database)), limits_(limits), thread_([this] { work(); }) {}

  ~SqliteLocationStore() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<void> load(const Instant& instant, const Take& take) override {
    std::lock_guard lock(database_mutex_);
    if (database_->load(instant, take)) return {};
    log::error("store", "the bindings cannot be read error={:?}", database_->error());
    return Errc::store_unusable;
  }

  void apply(std::vector<sip::BindingChange> changes, const Instant& instant) override {
    if (changes.empty()) return;
    {
      std::lock_guard lock(mutex_);
      counters_.queued_changes += changes.size();
      queue_.push_back({std::move(changes), instant});
      ++applied_;
    }
    wake_.notify_one();
  }

  bool ready() const override {
    std::lock_guard lock(mutex_);
    return counters_.queued_changes < limits_.queued_changes;
  }

  void flush() override {
    std::unique_lock lock(mutex_);
    const auto target = applied_;
    written_.wait(lock, [&] { return done_ >= target; });
  }

  Counters counters() const override {
    std::lock_guard lock(mutex_);
    return counters_;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto batches = std::exchange(queue_, {});
      lock.unlock();
      for (const auto& batch : batches) write(batch);
      lock.lock();
      done_ += batches.size();
      written_.notify_all();
    }
  }

  void write(const Batch& batch) {
    bool ok = false;
    {
      std::lock_guard lock(database_mutex_);
      ok = database_->write(batch.changes, batch.instant);
      if (!ok)
        failed_.at(log::Level::error, "store", "bindings could not be written count={} error={:?}",
                   batch.changes.size(), database_->error());
    }
    std::lock_guard lock(mutex_);
    ++counters_.batches;
    counters_.queued_changes -= batch.changes.size();
    (ok ? counters_.changes_written : counters_.write_errors) += ok ? batch.changes.size() : 1;
  }

  std::mutex database_mutex_;
  std::unique_ptr<LocationDatabase> database_;
  const LocationStoreLimits limits_;
  log::Limited failed_;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable wake_, written_;
  std::vector<Batch> queue_;
  std::uint64_t applied_ = 0, done_ = 0;  // batches
  bool stopping_ = false;
  Counters counters_;

  std::thread thread_;  // last: uses all the above
};

bool lived_by_its_connection(const sip::BindingView& b) {
  const auto t = b.flow.transport;
  return t == sip::Transport::ws || t == sip::Transport::wss ||
         (b.reg_id != 0 && sip::is_reliable(t));
}

}  // namespace

Result<std::unique_ptr<LocationStore>> open_sqlite_location_store(const std::filesystem::path& file,
                                                                  LocationStoreLimits limits) {
  auto database = LocationDatabase::open(file);
  if (!database) return database.error();
  return std::unique_ptr<LocationStore>(
      std::make_unique<SqliteLocationStore>(std::move(*database), limits));
}

Result<std::size_t> load(LocationStore& store, sip::Location& location, const Instant& instant) {
  std::size_t count = 0;
  location.keep_changes(false);
  const auto done = store.load(instant, [&](std::string_view aor, const sip::BindingView& b) {
    if (!lived_by_its_connection(b)) count += location.put(aor, b) ? 1 : 0;
  });
  location.keep_changes(true);
  if (!done) return done.error();
  return count;
}

void save(LocationStore& store, sip::Location& location, const Instant& instant) {
  if (store.ready()) store.apply(location.take_changes(saved_at_once), instant);
}

}  // namespace gateway

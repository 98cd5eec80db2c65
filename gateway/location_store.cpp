#include "gateway/location_store.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gateway/location_database.hpp"
#include "gateway/location_part.hpp"
#include "gateway/log.hpp"

namespace gateway {
namespace {

// One save() takes so many, about a millisecond's work.
constexpr std::size_t saved_at_once = 2000;
constexpr std::size_t carried_at_once = 500;  // and as many as have changed

struct Part {
  std::int64_t number = 0;
  std::string content;
  std::int64_t first_kept = 0;  // older ones can go when this one is there
};

// Writes one part after the other on a thread of its own.
class PartWriter {
 public:
  explicit PartWriter(std::unique_ptr<LocationDatabase> database)
      : database_(std::move(database)), thread_([this] { work(); }) {}

  ~PartWriter() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  // For the start: before the first add().
  LocationDatabase& database() { return *database_; }

  void add(Part part) {
    {
      std::lock_guard lock(mutex_);
      counters_.queued_bytes += part.content.size();
      queue_.push_back(std::move(part));
      ++added_;
    }
    wake_.notify_one();
  }

  void flush() {
    std::unique_lock lock(mutex_);
    const auto target = added_;
    written_.wait(lock, [&] { return done_ >= target; });
  }

  LocationStore::Counters counters() const {
    std::lock_guard lock(mutex_);
    return counters_;
  }

  // What could not be written is missing in what is stored: all must be written again. Once.
  bool take_failure() {
    std::lock_guard lock(mutex_);
    return std::exchange(has_failed_, false);
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto part = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      const bool ok = write(part);
      lock.lock();
      ++done_;
      counters_.queued_bytes -= part.content.size();
      ++(ok ? counters_.parts_written : counters_.write_errors);
      has_failed_ = has_failed_ || !ok;
      written_.notify_all();
    }
  }

  bool write(const Part& part) {
    if (database_->write(part.number, part.content, part.first_kept)) return true;
    failed_.at(log::Level::error, "store", "bindings could not be written bytes={} error={:?}",
               part.content.size(), database_->error());
    return false;
  }

  std::unique_ptr<LocationDatabase> database_;
  log::Limited failed_;

  mutable std::mutex mutex_;  // what follows
  std::condition_variable wake_, written_;
  std::deque<Part> queue_;
  std::uint64_t added_ = 0, done_ = 0;  // parts
  bool stopping_ = false, has_failed_ = false;
  LocationStore::Counters counters_;

  std::thread thread_;  // last: uses all the above
};

bool lived_by_its_connection(const sip::BindingView& b) {
  const auto t = b.flow.transport;
  return t == sip::Transport::ws || t == sip::Transport::wss ||
         (b.reg_id != 0 && sip::is_reliable(t));
}

void put_all(sip::Location& location, std::string_view aor,
             std::span<const sip::BindingView> bindings) {
  location.remove_all(aor);
  for (auto b : bindings) {
    b.flow.connection = sip::ConnectionId::none;
    if (!lived_by_its_connection(b)) location.put(aor, b);
  }
}

// Appends parts, and carries what is live from old parts into new ones when there are too many.
class SqliteLocationStore final : public LocationStore {
 public:
  SqliteLocationStore(std::unique_ptr<LocationDatabase> database, LocationStoreLimits limits)
      : writer_(std::move(database)), limits_(limits) {}

  Result<std::size_t> load(sip::Location& location, const Instant& instant) override {
    location.keep_changes(false);
    const auto put = [&](std::string_view aor, std::span<const sip::BindingView> bindings) {
      put_all(location, aor, bindings);
    };
    bool damaged = false;
    const bool read = writer_.database().load([&](std::int64_t number, std::string_view content) {
      next_number_ = number + 1;
      note_part(number, content.size());
      damaged = !read_addresses(content, instant, put);
      return !damaged;
    });
    location.keep_changes(true);
    if (read) return location.bindings();
    log::error("store", "the bindings cannot be read error={:?}",
               damaged ? "a part is damaged" : writer_.database().error());
    return Errc::store_unusable;
  }

  void save(sip::Location& location, const Instant& instant) override {
    if (writer_.counters().queued_bytes > limits_.queued_bytes) return;
    Part part{next_number_, {}, first_kept_};
    const auto write = [&](std::string_view aor, std::span<const sip::BindingView> bindings) {
      write_address(aor, bindings, instant, part.content);
    };
    const auto changed = location.take_changes(write, saved_at_once);
    saved_ += changed;
    if (writer_.take_failure() || (!carry_from_ && needs_cleaning(location))) begin_cleaning();
    const bool cleaned = carry_from_ && carry(location, carried_at_once + changed, part, write);
    if (cleaned) end_cleaning(location, part);
    if (part.content.empty() && !cleaned) return;
    if (!part.content.empty()) note_part(next_number_++, part.content.size());
    writer_.add(std::move(part));
  }

  void flush() override { writer_.flush(); }

  Counters counters() const override {
    auto counters = writer_.counters();
    counters.addresses_saved = saved_;
    counters.addresses_carried = carried_;
    counters.stored_bytes = stored_bytes_;
    counters.stored_parts = parts_.size();
    return counters;
  }

 private:
  struct Stored {
    std::int64_t number;
    std::size_t size;
  };

  void note_part(std::int64_t number, std::size_t size) {
    parts_.push_back({number, size});
    stored_bytes_ += size;
  }

  bool needs_cleaning(const sip::Location& location) const {
    if (parts_.size() > limits_.parts) return true;
    const auto live = location.bindings() * bytes_per_binding_;
    return stored_bytes_ > limits_.least_cleaned_bytes && stored_bytes_ > 3 * live;
  }

  void begin_cleaning() {
    carry_from_ = 0;
    cleaning_since_ = next_number_;
    carried_bytes_ = 0;
  }

  // True at the end.
  bool carry(const sip::Location& location, std::size_t at_most, const Part& part,
             const sip::KeepBindings& write) {
    const auto before = part.content.size();
    carry_from_ = location.walk(*carry_from_, at_most, [&](auto aor, auto bindings) {
      write(aor, bindings);
      ++carried_;
    });
    carried_bytes_ += part.content.size() - before;
    return !carry_from_;
  }

  // Every address has been written since: what is older tells nothing any more.
  void end_cleaning(const sip::Location& location, Part& part) {
    bytes_per_binding_ = carried_bytes_ / std::max<std::size_t>(location.bindings(), 1);
    for (; !parts_.empty() && parts_.front().number < cleaning_since_; parts_.pop_front())
      stored_bytes_ -= parts_.front().size;
    part.first_kept = first_kept_ = cleaning_since_;
  }

  PartWriter writer_;
  const LocationStoreLimits limits_;
  std::int64_t next_number_ = 1, first_kept_ = 0;
  std::deque<Stored> parts_;
  std::size_t stored_bytes_ = 0;
  std::size_t bytes_per_binding_ = 0;  // as the last cleaning found them
  std::optional<std::uint32_t> carry_from_;
  std::int64_t cleaning_since_ = 0;
  std::size_t carried_bytes_ = 0;
  std::uint64_t saved_ = 0, carried_ = 0;
};

}  // namespace

Result<std::unique_ptr<LocationStore>> open_sqlite_location_store(const std::filesystem::path& file,
                                                                  LocationStoreLimits limits) {
  auto database = LocationDatabase::open(file);
  if (!database) return database.error();
  return std::unique_ptr<LocationStore>(
      std::make_unique<SqliteLocationStore>(std::move(*database), limits));
}

}  // namespace gateway

// Counters and gauges by name and labels, and their Prometheus text (exposition format 0.0.4).
// An increment is one relaxed atomic addition. Names begin with "gbgate_"; counters end in
// "_total".
//     Counter& calls = metrics.counter("gbgate_invites_total", "INVITEs sent", {{"result", "ok"}});
//     calls.add();
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// maximum: a gauge of which the largest value counts where others are added up.
enum class MetricKind { counter, gauge, maximum };
// Hidden: no line as long as it is 0. For families of which most series never count anything.
enum class Zeros { shown, hidden };

// What all metrics were at a moment: values that may go to another thread, and be added to those of
// other registries.
class MetricsPage {
 public:
  void add(const MetricsPage& other);
  // Prometheus text, families in order of name.
  std::string text() const;

 private:
  friend class Metrics;
  struct Value {
    double number = 0;
    bool hide_zero = false;
  };
  struct Family {
    MetricKind kind = MetricKind::gauge;
    std::string help;
    std::map<std::string, Value, std::less<>> values;  // by rendered labels
  };
  static double join(MetricKind kind, double a, double b);
  std::map<std::string, Family, std::less<>> families_;
};

// Registration, sample() and render() are thread-safe; registering is not for hot paths: keep the
// reference, it is valid for the life of the registry. Registering the same name and labels again
// yields the same object. A family holds at most `max_series`; what comes after shares one series
// whose label values are all "other", so that labels made of input cannot fill the memory.
class Metrics {
 public:
  explicit Metrics(std::size_t max_series = 400);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});

  // Removes its callback when it dies; must not outlive the registry.
  class Callback {
   public:
    Callback() = default;
    Callback(Callback&& other) noexcept
        : id_(std::exchange(other.id_, 0)), metrics_(other.metrics_) {}
    Callback& operator=(Callback&& other) noexcept;
    ~Callback();

   private:
    friend class Metrics;
    Callback(std::uint64_t id, Metrics* metrics) : id_(id), metrics_(metrics) {}
    std::uint64_t id_ = 0;
    Metrics* metrics_ = nullptr;
  };
  // For figures that live elsewhere: `read` is called during sample() and render(), on the caller's
  // thread and under the registry's lock; it must not call the registry. A kind of counter must not
  // fall.
  [[nodiscard]] Callback on_render(MetricKind kind, std::string_view name, std::string_view help,
                                   const Labels& labels, std::function<double()> read,
                                   Zeros zeros = Zeros::shown);

  MetricsPage sample() const;
  std::string render() const { return sample().text(); }

 private:
  struct Series;
  struct Family;
  Series& series(MetricKind kind, std::string_view name, std::string_view help,
                 const Labels& labels);
  void remove(std::uint64_t id);

  std::size_t max_series_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
  std::uint64_t next_id_ = 1;
};

}  // namespace gateway

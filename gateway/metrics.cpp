#include "gateway/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace gateway {

struct Metrics::Series {
  Counter counter;
  Gauge gauge;
  bool hide_zero = false;
  bool owned = false;  // someone holds a reference: stays when its callbacks have gone
  std::map<std::uint64_t, std::function<double()>> callbacks;
};

struct Metrics::Family {
  MetricKind kind;
  std::string help;
  std::map<std::string, std::unique_ptr<Series>, std::less<>> series;  // by rendered labels
};

namespace {

void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quote)
      out += "\\\"";
    else
      out += c;
  }
}

std::string render_labels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += out.empty() ? "{" : ",";
    out += name + "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return out.empty() ? out : out + "}";
}

std::string render_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

Metrics::Metrics(std::size_t max_series) : max_series_(max_series) {}
Metrics::~Metrics() = default;

// Called under the lock.
Metrics::Series& Metrics::series(MetricKind kind, std::string_view name, std::string_view help,
                                 const Labels& labels) {
  auto& family = families_[std::string(name)];
  if (!family) family = std::make_unique<Family>(Family{kind, std::string(help), {}});
  assert(family->kind == kind && "a metric's name stands for one kind only");
  auto& all = family->series;
  std::string key = render_labels(labels);
  if (auto known = all.find(key); known != all.end()) return *known->second;
  if (all.size() >= max_series_) {
    Labels others = labels;
    for (auto& label : others) label.second = "other";
    key = render_labels(others);
  }
  auto& entry = all[key];
  if (!entry) entry = std::make_unique<Series>();
  return *entry;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(mutex_);
  Series& found = series(MetricKind::counter, name, help, labels);
  found.owned = true;
  return found.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(mutex_);
  Series& found = series(MetricKind::gauge, name, help, labels);
  found.owned = true;
  return found.gauge;
}

Metrics::Callback Metrics::on_render(MetricKind kind, std::string_view name, std::string_view help,
                                     const Labels& labels, std::function<double()> read,
                                     Zeros zeros) {
  std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  auto& one = series(kind, name, help, labels);
  one.callbacks.emplace(id, std::move(read));
  one.hide_zero = zeros == Zeros::hidden;
  return {id, this};
}

void Metrics::remove(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  for (auto& [name, family] : families_) {
    for (auto it = family->series.begin(); it != family->series.end(); ++it) {
      if (it->second->callbacks.erase(id) == 0) continue;
      if (it->second->callbacks.empty() && !it->second->owned) family->series.erase(it);
      return;
    }
  }
}

Metrics::Callback& Metrics::Callback::operator=(Callback&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(metrics_, other.metrics_);
  return *this;
}

Metrics::Callback::~Callback() {
  if (id_ != 0) metrics_->remove(id_);
}

MetricsPage Metrics::sample() const {
  std::lock_guard lock(mutex_);
  MetricsPage page;
  for (const auto& [name, family] : families_) {
    if (family->series.empty()) continue;
    auto& sampled = page.families_[name];
    sampled.kind = family->kind;
    sampled.help = family->help;
    for (const auto& [labels, one] : family->series) {
      auto value = family->kind == MetricKind::counter ? static_cast<double>(one->counter.value())
                                                       : static_cast<double>(one->gauge.value());
      for (const auto& [id, read] : one->callbacks)
        value = MetricsPage::join(family->kind, value, read());
      sampled.values[labels] = {value, one->hide_zero};
    }
  }
  return page;
}

// ---- the page ----

double MetricsPage::join(MetricKind kind, double a, double b) {
  return kind == MetricKind::maximum ? std::max(a, b) : a + b;
}

void MetricsPage::add(const MetricsPage& other) {
  for (const auto& [name, family] : other.families_) {
    const auto [mine, is_new] = families_.try_emplace(name, family);
    if (is_new) continue;
    if (mine->second.help.empty()) mine->second.help = family.help;
    for (const auto& [labels, value] : family.values) {
      const auto [sum, is_first] = mine->second.values.try_emplace(labels, value);
      if (!is_first) sum->second.number = join(family.kind, sum->second.number, value.number);
    }
  }
}

std::string MetricsPage::text() const {
  std::string out;
  for (const auto& [name, family] : families_) {
    out += "# HELP " + name + ' ';
    append_escaped(out, family.help, false);
    out += fmt::format("\n# TYPE {} {}\n", name,
                       family.kind == MetricKind::counter ? "counter" : "gauge");
    for (const auto& [labels, value] : family.values)
      if (!value.hide_zero || value.number != 0)
        out += name + labels + ' ' + render_number(value.number) + '\n';
  }
  return out;
}

}  // namespace gateway

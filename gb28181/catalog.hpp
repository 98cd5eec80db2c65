// The channels of a device: putting a catalog together from its pages (GB/T 28181-2022 annex M,
// protocol notes 4.4 and 13 rows 17-20), and the list that results. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gb28181/manscdp/values.hpp"
#include "sip/time.hpp"

namespace gb28181 {

struct CatalogLimits {
  std::chrono::seconds first_page{30};  // from the query to its first page
  std::chrono::seconds quiet{10};       // from one page to the next
  // From the query to the last page, however busy. Longer than the 60 s of annex M's practice:
  // 20 000 channels at one per message take minutes, and silence ends it sooner anyway.
  std::chrono::seconds total{300};
  std::size_t items = 20'000;  // further ones are counted, not kept
};

struct CatalogResult {
  bool complete = false;
  bool timed_out = false;                   // pages are missing: asking again may help
  std::uint32_t sum_num = 0;                // as last announced
  std::vector<manscdp::CatalogItem> items;  // distinct by DeviceID, in order of first appearance
  std::string reason;  // why it is not complete, with numbers: "12 of 16 channels in 3 messages,
                       // then nothing for 10 s"
};

// Collects the answer to one Catalog query at a time. Items repeat, pages come in any order, SumNum
// changes between pages, answers to an earlier query are mixed in: it is complete when as many
// distinct items are there as the last SumNum says.
class CatalogCollector {
 public:
  enum class Verdict {
    ignored,  // no query pending, or a page of an earlier query
    taken,
    complete  // take() has the result
  };

  explicit CatalogCollector(CatalogLimits limits = {}) : limits_(limits) {}

  // A query with this SN is on its way; what was collected before is dropped.
  void start(std::uint64_t sn, sip::TimePoint now);
  bool running() const { return running_; }

  // A page that came with this SN. An SN that is not ours (0, always 1, absent) is taken for the
  // pending query's as long as no page with the right SN has come.
  Verdict on_page(std::optional<std::uint64_t> sn, manscdp::CatalogPage page, sip::TimePoint now);

  // True when time is up: take() has what there is.
  bool on_deadline(sip::TimePoint now);
  sip::TimePoint next_deadline() const { return deadline_; }

  // The result; the collector is idle afterwards.
  CatalogResult take();

  std::size_t size() const { return items_.size(); }

 private:
  bool belongs(std::optional<std::uint64_t> sn);
  void add(manscdp::CatalogItem item);
  bool is_complete() const;
  std::string shortfall() const;

  CatalogLimits limits_;
  bool running_ = false;
  bool timed_out_ = false;
  bool quiet_ = false;  // timed out by silence, not by the total
  std::uint64_t sn_ = 0;
  bool sn_confirmed_ = false;          // a page with our SN has come
  std::deque<std::uint64_t> earlier_;  // SNs of the last queries
  sip::TimePoint started_{};
  sip::TimePoint deadline_ = sip::never;
  std::uint32_t pages_ = 0;
  std::uint32_t skipped_ = 0;
  std::uint32_t over_limit_ = 0;
  std::uint32_t sum_num_ = 0;
  std::vector<manscdp::CatalogItem> items_;
  std::unordered_map<std::string, std::size_t> index_;  // DeviceID -> place in items_
};

// The catalog as a list that can be asked: who is below whom, what can be played. Ids are unique
// within one device. Items without a known parent hang below the device itself.
class ChannelList {
 public:
  ChannelList() = default;
  ChannelList(ChannelList&&) = default;
  ChannelList& operator=(ChannelList&&) = default;
  ChannelList(const ChannelList& other);
  ChannelList& operator=(const ChannelList& other);
  explicit ChannelList(std::vector<manscdp::CatalogItem> items);

  std::span<const manscdp::CatalogItem> items() const { return items_; }
  std::size_t size() const { return items_.size(); }
  const manscdp::CatalogItem* find(std::string_view id) const;  // null when unknown

  // Ids of the items directly below `parent_id`; an empty one means below the device. An item that
  // names several parents is below each.
  std::vector<std::string_view> children(std::string_view parent_id) const;

  // Applies a notification (5.4.4): ON, OFF, ADD, DEL, UPDATE ... True when something changed.
  bool apply(const manscdp::CatalogItem& event);

 private:
  void index();

  std::vector<manscdp::CatalogItem> items_;
  std::unordered_map<std::string_view, std::size_t> by_id_;  // views into items_
};

// Unknown counts as on: devices leave Status empty.
bool is_on(const manscdp::CatalogItem& item);
// A camera and not an alarm input, a loudspeaker or a group (a hint: device_id.hpp).
bool may_be_playable(const manscdp::CatalogItem& item);

}  // namespace gb28181

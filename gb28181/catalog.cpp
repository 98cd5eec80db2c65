#include "gb28181/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gb28181/device_id.hpp"

namespace gb28181 {

using manscdp::CatalogEvent;
using manscdp::CatalogItem;
using manscdp::ChannelStatus;

void CatalogCollector::start(std::uint64_t sn, sip::TimePoint now) {
  constexpr std::size_t remembered = 8;
  if (sn_ != 0) earlier_.push_back(sn_);
  if (earlier_.size() > remembered) earlier_.pop_front();
  sn_ = sn;
  running_ = true;
  timed_out_ = false;
  sn_confirmed_ = false;
  started_ = now;
  deadline_ = now + limits_.first_page;
  pages_ = skipped_ = over_limit_ = sum_num_ = 0;
  items_.clear();
  index_.clear();
}

bool CatalogCollector::belongs(std::optional<std::uint64_t> sn) {
  if (sn == sn_) {
    // Pages taken on trust are now known to be a stranger's.
    if (!sn_confirmed_ && pages_ > 0) start(sn_, started_);
    sn_confirmed_ = true;
    return true;
  }
  const bool ours_before = sn && std::find(earlier_.begin(), earlier_.end(), *sn) != earlier_.end();
  return !ours_before && !sn_confirmed_;
}

void CatalogCollector::add(CatalogItem item) {
  const auto known = index_.find(item.device_id);
  if (known != index_.end()) {
    items_[known->second] = std::move(item);
    return;
  }
  if (items_.size() >= limits_.items) {
    ++over_limit_;
    return;
  }
  index_.emplace(item.device_id, items_.size());
  items_.push_back(std::move(item));
}

bool CatalogCollector::is_complete() const {
  // Unreadable items are not coming again: they count as there.
  return items_.size() + skipped_ + over_limit_ >= sum_num_;
}

CatalogCollector::Verdict CatalogCollector::on_page(std::optional<std::uint64_t> sn,
                                                    manscdp::CatalogPage page, sip::TimePoint now) {
  if (!running_ || !belongs(sn)) return Verdict::ignored;
  ++pages_;
  sum_num_ = page.sum_num;
  skipped_ += page.skipped;
  for (auto& item : page.items) add(std::move(item));
  if (is_complete()) {
    running_ = false;
    deadline_ = sip::never;
    return Verdict::complete;
  }
  deadline_ = std::min(now + limits_.quiet, started_ + limits_.total);
  return Verdict::taken;
}

bool CatalogCollector::on_deadline(sip::TimePoint now) {
  if (!running_ || now < deadline_) return false;
  running_ = false;
  timed_out_ = true;
  quiet_ = now < started_ + limits_.total;
  deadline_ = sip::never;
  return true;
}

std::string CatalogCollector::shortfall() const {
  if (over_limit_ > 0)
    return fmt::format("{} channels, of which the first {} are kept", sum_num_, items_.size());
  if (skipped_ > 0 && !timed_out_)
    return fmt::format("{} of {} channels could not be read", skipped_, sum_num_);
  if (!timed_out_) return {};
  if (pages_ == 0)
    return fmt::format("no answer to the Catalog query within {} s", limits_.first_page.count());
  return fmt::format("{} of {} channels in {} messages, then {}", items_.size(), sum_num_, pages_,
                     quiet_ ? fmt::format("nothing for {} s", limits_.quiet.count())
                            : fmt::format("{} s were over", limits_.total.count()));
}

CatalogResult CatalogCollector::take() {
  CatalogResult result;
  result.reason = shortfall();
  result.complete = result.reason.empty();
  result.timed_out = timed_out_;
  result.sum_num = sum_num_;
  result.items = std::move(items_);
  items_.clear();
  index_.clear();
  running_ = false;
  deadline_ = sip::never;
  return result;
}

ChannelList::ChannelList(std::vector<CatalogItem> items) : items_(std::move(items)) {
  index();
}

ChannelList::ChannelList(const ChannelList& other) : ChannelList(other.items_) {}

ChannelList& ChannelList::operator=(const ChannelList& other) {
  if (this == &other) return *this;
  items_ = other.items_;
  index();
  return *this;
}

void ChannelList::index() {
  by_id_.clear();
  by_id_.reserve(items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) by_id_.emplace(items_[i].device_id, i);
}

const CatalogItem* ChannelList::find(std::string_view id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &items_[at->second];
}

namespace {

// "a/b" names the parents a and b.
template <class Visit>
void for_each_parent(std::string_view parent_id, Visit visit) {
  while (!parent_id.empty()) {
    const auto end = parent_id.find('/');
    visit(parent_id.substr(0, end));
    parent_id = end == std::string_view::npos ? std::string_view{} : parent_id.substr(end + 1);
  }
}

ChannelStatus status_after(CatalogEvent event) {
  // Without a picture it cannot be opened, whatever it says of itself.
  return event == CatalogEvent::on ? ChannelStatus::on : ChannelStatus::off;
}

}  // namespace

std::vector<std::string_view> ChannelList::children(std::string_view parent_id) const {
  std::vector<std::string_view> found;
  for (const auto& item : items_) {
    bool below = false, known = false;
    for_each_parent(item.parent_id, [&](std::string_view id) {
      known |= id != item.device_id && find(id) != nullptr;
      below |= id == parent_id && id != item.device_id;
    });
    if (parent_id.empty() ? !known : below) found.push_back(item.device_id);
  }
  return found;
}

bool ChannelList::apply(const CatalogItem& event) {
  const auto at = by_id_.find(event.device_id);
  const bool known = at != by_id_.end();
  switch (event.event) {
    case CatalogEvent::none:
      return false;
    case CatalogEvent::on:
    case CatalogEvent::off:
    case CatalogEvent::vlost:
    case CatalogEvent::defect: {
      if (!known || items_[at->second].status == status_after(event.event)) return false;
      items_[at->second].status = status_after(event.event);
      return true;
    }
    case CatalogEvent::del:
      if (!known) return false;
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(at->second));
      break;
    case CatalogEvent::add:
    case CatalogEvent::update:
      if (known)
        items_[at->second] = event;
      else if (items_.size() < CatalogLimits{}.items)
        items_.push_back(event);
      else
        return false;
      break;
  }
  index();
  return true;
}

bool is_on(const CatalogItem& item) {
  return item.status != ChannelStatus::off;
}

bool may_be_playable(const CatalogItem& item) {
  return may_be_playable(item.device_id);
}

}  // namespace gb28181

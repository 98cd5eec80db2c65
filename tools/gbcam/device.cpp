#include "tools/gbcam/device.hpp"

#include "tools/gbcam/bodies.hpp"

namespace gbcam {

namespace manscdp = gb28181::manscdp;

constexpr std::size_t most_pages_waiting = 100'000;

void Device::on_query(const manscdp::Message& query) {
  if (query.get<manscdp::CatalogQuery>()) return answer_catalog(query);
  if (query.get<manscdp::DeviceInfoQuery>()) return answer(query, device_info(world_, index_));
  if (query.get<manscdp::DeviceStatusQuery>()) return answer(query, device_status());
  world_.journal.event("unanswered-query", "device={} cmd={}", id(), query.cmd_type);
}

void Device::answer(const manscdp::Message& query, manscdp::Body body) {
  const auto message =
      manscdp::make_message(query.sn.value_or(0), query.device_id, std::move(body));
  send_body(world_, index_, message, RequestKind::response);
  world_.journal.event("answered", "device={} cmd={} sn={}", id(), message.cmd_type,
                       query.sn.value_or(0));
}

// Annex M: the next part should wait for the answer to the one before.
void Device::answer_catalog(const manscdp::Message& query) {
  const auto pages = catalog(world_, index_);
  if (pages_.size() + pages.size() > most_pages_waiting) return;
  for (const manscdp::CatalogPage& page : pages)
    pages_.push_back(manscdp::make_message(query.sn.value_or(0), query.device_id, page));
  world_.journal.event("answered", "device={} cmd=Catalog sn={} items={} pages={}", id(),
                       query.sn.value_or(0), world_.roster.channels(), pages.size());
  if (!page_under_way_) send_next_page();
}

void Device::send_next_page() {
  page_under_way_ = false;
  while (!pages_.empty() && !page_under_way_) {
    send_body(world_, index_, pages_.front(), RequestKind::response);
    pages_.pop_front();
    page_under_way_ = !world_.options.catalog.at_once;
  }
}

void Device::on_done(RequestKind kind, const sip::event::RequestDone& done) {
  if (kind == RequestKind::register_) return registration_.on_register_done(done);
  if (done.status / 100 != 2) ++world_.journal.counters.messages_failed;
  if (kind == RequestKind::keepalive) return registration_.on_keepalive_done(done);
  if (done.status / 100 != 2)
    world_.journal.event("message-failed", "device={} status={}", id(), done.status);
  send_next_page();
}

}  // namespace gbcam

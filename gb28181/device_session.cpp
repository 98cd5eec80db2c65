#include "gb28181/device_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gb28181 {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

bool has_event(const manscdp::CatalogPage& page) {
  return std::any_of(page.items.begin(), page.items.end(),
                     [](const auto& item) { return item.event != manscdp::CatalogEvent::none; });
}

}  // namespace

std::optional<seconds> ExpiryPolicy::grant(std::optional<seconds> asked) const {
  if (!asked) return otherwise;
  if (*asked == seconds(0)) return asked;
  if (*asked < minimum) return std::nullopt;
  return std::min(*asked, maximum);
}

std::string_view to_string(DeviceState state) {
  switch (state) {
    case DeviceState::unregistered:
      return "unregistered";
    case DeviceState::offline:
      return "offline";
    case DeviceState::online:
      return "online";
  }
  return "unregistered";
}

DeviceSession::DeviceSession(std::string device_id, DeviceConfig config, std::uint64_t first_sn)
    : device_id_(std::move(device_id)), config_(config), sn_(first_sn), catalog_(config_.catalog) {}

Edition DeviceSession::edition() const {
  return config_.edition.value_or(learned_edition_);
}

void DeviceSession::on_registered(const Registration& registration, sip::TimePoint now,
                                  DeviceActions& out) {
  registered_until_ = now + registration.expires;
  last_seen_ = now;
  flow_ = registration.flow;
  over_connection_ = registration.over_connection;
  if (registration.edition) learned_edition_ = *registration.edition;
  if (online()) return;
  go_online(fmt::format("registered from {} for {} s", flow_, registration.expires.count()), now,
            out);
}

void DeviceSession::on_unregistered(sip::TimePoint now, DeviceActions& out) {
  registered_until_ = now;
  leave(DeviceState::unregistered, "it unregistered", out);
}

void DeviceSession::restore(const Remembered& remembered, sip::TimePoint now, DeviceActions& out) {
  registered_until_ = remembered.registered_until;
  last_seen_ = remembered.last_seen;
  flow_ = remembered.flow;
  over_connection_ = remembered.over_connection;
  if (remembered.edition) learned_edition_ = *remembered.edition;
  if (!is_registered(now)) return;
  if (over_connection_) return leave(DeviceState::offline, "its connection ended with us", out);
  if (silent_at() <= now) return leave(DeviceState::offline, silence_reason(), out);
  const auto ago = duration_cast<seconds>(now - last_seen_).count();
  go_online(fmt::format("known from before the restart, last seen {} s ago", ago), now, out);
}

int DeviceSession::on_message(manscdp::Message message, sip::TimePoint now, DeviceActions& out) {
  if (!admits(now, out)) return 403;
  seen(message.cmd_type, now, out);
  take(message, now, out);
  return 200;
}

int DeviceSession::on_keepalive(sip::TimePoint now, DeviceActions& out) {
  if (!admits(now, out)) return 403;
  seen("Keepalive", now, out);
  return 200;
}

// A registration that ran out since the last deadline is told before the refusal.
bool DeviceSession::admits(sip::TimePoint now, DeviceActions& out) {
  if (is_registered(now)) return true;
  on_deadline(now, out);
  return false;
}

void DeviceSession::seen(std::string_view by, sip::TimePoint now, DeviceActions& out) {
  last_seen_ = now;
  if (!online()) go_online(fmt::format("{} received", by), now, out);
}

void DeviceSession::go_online(std::string reason, sip::TimePoint now, DeviceActions& out) {
  state_ = DeviceState::online;
  out.emplace_back(device_action::StateChanged{state_, std::move(reason)});
  catalog_retried_ = false;
  plan(info_known_ ? Query::catalog : Query::device_info, now + config_.query_delay);
}

void DeviceSession::leave(DeviceState state, std::string reason, DeviceActions& out) {
  if (state_ == state) return;
  state_ = state;
  asking_ = Query::none;
  answer_by_ = sip::never;
  catalog_.take();
  plan(Query::none, sip::never);
  out.emplace_back(device_action::StateChanged{state, std::move(reason)});
}

sip::TimePoint DeviceSession::silent_at() const {
  return last_seen_ + config_.keepalive_interval * config_.keepalive_misses;
}

std::string DeviceSession::silence_reason() const {
  const auto interval = config_.keepalive_interval.count();
  return fmt::format("no keepalive for {} s ({} x {} s)", interval * config_.keepalive_misses,
                     config_.keepalive_misses, interval);
}

void DeviceSession::on_connection_lost(sip::TimePoint, DeviceActions& out) {
  if (!over_connection_ || !online()) return;
  leave(DeviceState::offline, fmt::format("its connection {} was closed", flow_), out);
}

void DeviceSession::on_query_result(std::uint64_t sn, int status, sip::TimePoint now,
                                    DeviceActions& out) {
  if (status < 300 || sn != asked_sn_) return;
  if (asking_ == Query::device_info) return ask_catalog(now, out);
  // An answer that came in spite of the failure counts more.
  if (asking_ != Query::catalog || catalog_.size() > 0) return;
  catalog_.take();
  catalog_failed(status == 408 ? std::string("the Catalog query was not answered (408)")
                               : fmt::format("the Catalog query was answered {}", status),
                 now, out);
}

void DeviceSession::plan(Query query, sip::TimePoint at) {
  planned_ = query;
  ask_at_ = at;
}

void DeviceSession::send(manscdp::Body body, DeviceActions& out) {
  asked_sn_ = next_sn();
  const auto message = manscdp::make_message(asked_sn_, device_id_, std::move(body));
  out.emplace_back(
      device_action::SendQuery{asked_sn_, message.cmd_type, print(message, edition())});
}

void DeviceSession::ask_device_info(sip::TimePoint now, DeviceActions& out) {
  asking_ = Query::device_info;
  answer_by_ = now + config_.answer_timeout;
  send(manscdp::DeviceInfoQuery{}, out);
}

void DeviceSession::ask_catalog(sip::TimePoint now, DeviceActions& out) {
  asking_ = Query::catalog;
  answer_by_ = sip::never;
  plan(Query::none, sip::never);
  send(manscdp::CatalogQuery{}, out);
  catalog_sn_ = asked_sn_;
  catalog_.start(asked_sn_, now);
}

void DeviceSession::request_catalog(sip::TimePoint now, DeviceActions& out) {
  if (!online() || asking_ == Query::catalog) return;
  catalog_retried_ = false;
  ask_catalog(now, out);
}

void DeviceSession::catalog_failed(std::string reason, sip::TimePoint now, DeviceActions& out) {
  asking_ = Query::none;
  if (!catalog_retried_) {
    catalog_retried_ = true;
    return plan(Query::catalog, now + config_.catalog_retry);
  }
  catalog_retried_ = false;
  out.emplace_back(device_action::CatalogReceived{false, {}, std::move(reason)});
  if (config_.catalog_interval > seconds(0)) plan(Query::catalog, now + config_.catalog_interval);
}

void DeviceSession::catalog_over(sip::TimePoint now, DeviceActions& out) {
  auto result = catalog_.take();
  if (result.items.empty() && result.timed_out)
    return catalog_failed(std::move(result.reason), now, out);
  asking_ = Query::none;
  const bool again = result.timed_out && !catalog_retried_;
  catalog_retried_ = again;
  out.emplace_back(device_action::CatalogReceived{result.complete, std::move(result.items),
                                                  std::move(result.reason)});
  if (again)
    plan(Query::catalog, now + config_.catalog_retry);
  else if (config_.catalog_interval > seconds(0))
    plan(Query::catalog, now + config_.catalog_interval);
}

void DeviceSession::take(manscdp::Message& message, sip::TimePoint now, DeviceActions& out) {
  std::visit(Overloaded{
                 [&](manscdp::DeviceInfo& info) { take_device_info(info, now, out); },
                 [&](manscdp::CatalogPage&) { take_catalog(message, now, out); },
                 [&](manscdp::Alarm&) { take_alarm(message, out); },
                 [&](manscdp::DeviceStatus& status) {
                   out.emplace_back(
                       device_action::DeviceStatusReceived{message.device_id, std::move(status)});
                 },
                 [&](manscdp::MediaStatus& status) {
                   out.emplace_back(device_action::MediaStatusReceived{
                       message.device_id, std::move(status.notify_type)});
                 },
                 [](const auto&) {},
             },
             message.body);
}

void DeviceSession::take_device_info(manscdp::DeviceInfo& info, sip::TimePoint now,
                                     DeviceActions& out) {
  info_known_ = true;
  out.emplace_back(device_action::DeviceInfoReceived{std::move(info)});
  if (asking_ == Query::device_info) ask_catalog(now, out);
}

void DeviceSession::take_catalog(manscdp::Message& message, sip::TimePoint now,
                                 DeviceActions& out) {
  auto& page = *message.get<manscdp::CatalogPage>();
  // 2011 notifies with the root Response.
  if (message.root == manscdp::Root::notify || has_event(page)) {
    out.emplace_back(device_action::CatalogChanged{std::move(page.items)});
    return;
  }
  if (!catalog_.running()) {
    // Devices whose SumNum counts one message only go on after the answer looked complete.
    if (message.sn != catalog_sn_ || page.items.empty()) return;
    for (auto& item : page.items) item.event = manscdp::CatalogEvent::update;
    out.emplace_back(device_action::CatalogChanged{std::move(page.items)});
    return;
  }
  if (catalog_.on_page(message.sn, std::move(page), now) == CatalogCollector::Verdict::complete)
    catalog_over(now, out);
}

void DeviceSession::take_alarm(manscdp::Message& message, DeviceActions& out) {
  const auto response = manscdp::make_result(message, true);
  out.emplace_back(device_action::SendResponse{response.cmd_type, print(response, edition())});
  out.emplace_back(
      device_action::AlarmReceived{message.device_id, std::move(*message.get<manscdp::Alarm>())});
}

void DeviceSession::on_deadline(sip::TimePoint now, DeviceActions& out) {
  if (state_ == DeviceState::unregistered) return;
  if (!is_registered(now)) return leave(DeviceState::unregistered, "its registration expired", out);
  if (!online()) return;
  if (silent_at() <= now) return leave(DeviceState::offline, silence_reason(), out);
  if (catalog_.on_deadline(now)) catalog_over(now, out);
  // A device that keeps its name to itself may still have channels.
  if (asking_ == Query::device_info && answer_by_ <= now) ask_catalog(now, out);
  if (ask_at_ > now) return;
  const auto query = std::exchange(planned_, Query::none);
  ask_at_ = sip::never;
  if (query == Query::device_info) ask_device_info(now, out);
  if (query == Query::catalog) ask_catalog(now, out);
}

sip::TimePoint DeviceSession::next_deadline() const {
  if (state_ == DeviceState::unregistered) return sip::never;
  if (state_ == DeviceState::offline) return registered_until_;
  const auto answer = asking_ == Query::device_info ? answer_by_ : sip::never;
  return std::min({registered_until_, silent_at(), ask_at_, answer, catalog_.next_deadline()});
}

std::string DeviceSession::describe() const {
  const char* asking = asking_ == Query::device_info ? ", awaits DeviceInfo"
                       : asking_ == Query::catalog   ? ", awaits Catalog"
                                                     : "";
  return fmt::format("device {} {}, edition {}, at {}{}", device_id_, to_string(state_),
                     to_string(edition()), flow_.empty() ? "-" : flow_, asking);
}

}  // namespace gb28181

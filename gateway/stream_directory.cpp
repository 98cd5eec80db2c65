#include "gateway/stream_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/device_rows.hpp"

namespace gateway {

using namespace std::chrono_literals;

// Keeps an entry running while it lives.
class Hold final : public StreamHold {
 public:
  explicit Hold(std::shared_ptr<StreamDirectory::Entry> entry) : entry_(std::move(entry)) {
    entry_->hold();
  }
  ~Hold() override { entry_->let_go(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  Stream& stream() override { return entry_->stream(); }

 private:
  std::shared_ptr<StreamDirectory::Entry> entry_;
};

// ---- one entry ----

StreamDirectory::Entry::Entry(StreamDirectory& directory, std::string name)
    : directory_(directory),
      stream_(std::move(name), directory.plane_.stream_limits(), &directory.turn_),
      linger_(directory.plane_.clock(),
              [this](sip::TimePoint) {
                if (holds_ == 0 && !keep_) stop("nobody watches");
              }),
      retry_(directory.plane_.clock(), [this](sip::TimePoint now) { try_again(now); }),
      changed_(directory.plane_.io(), sip::TimePoint::max()) {
  stream_.attach(*this);
}

StreamDirectory::Entry::~Entry() {
  stream_.detach(*this);
}

void StreamDirectory::Entry::become(State state) {
  state_ = state;
  changed_.cancel();
}

void StreamDirectory::Entry::on_packets() {
  if (!stream_.ready() || silent_) return;
  stream_.detach(*this);
  if (state_ == State::resuming) directory_.resumed_.add();
  since_ = wall_now();
  if (directory_.remembered_.find(name()).empty()) note_tracks();
  become(State::live);
  if (holds_ == 0) let_go();
}

// Of cameras: what others send to our ports is there or is not.
void StreamDirectory::Entry::note_tracks() {
  if (!feed_ || !feed_->on_demand() || !stream_.ready()) return;
  const auto tracks = stream_.heard_tracks();
  if (!tracks.empty()) directory_.remembered_.note(name(), {tracks.begin(), tracks.end()});
}

void StreamDirectory::Entry::on_feed_failed(int status, const std::string& reason) {
  if (state_ == State::resuming && resume(reason)) return;
  directory_.failed_.add();
  directory_.remembered_.doubt(name());
  over(status, reason);
}

void StreamDirectory::Entry::on_feed_ended(const std::string& reason) {
  if (feed_->lost() && resume(reason)) return;
  over(503, reason);
}

// Viewers stay for a while: their numbers and times go on when the source is back.
bool StreamDirectory::Entry::resume(const std::string& reason) {
  const auto now = sip::Clock::now();
  if (state_ != State::resuming) {
    if (state_ != State::live || (holds_ == 0 && !keep_)) return false;
    resume_until_ = now + directory_.plane_.config().media.resume;
    become(State::resuming);
    stream_.attach(*this);  // until packets come
  }
  if (now >= resume_until_) return false;
  reason_ = reason;
  silent_ = true;
  retry_.set(now + 500ms);
  return true;
}

void StreamDirectory::Entry::stop(const std::string& reason) {
  const auto kept = shared_from_this();
  resume_until_ = {};
  feed_->stop(reason);
  if (state_ == State::resuming) over(503, reason);  // between two calls
}

void StreamDirectory::Entry::try_again(sip::TimePoint now) {
  if (now >= resume_until_ || (holds_ == 0 && !keep_)) return over(503, reason_);
  if (auto feed = directory_.call_again(*this)) {
    feed_ = std::move(feed);
    silent_ = false;
    feed_->start();
  } else {
    retry_.set(now + 500ms);
  }
}

void StreamDirectory::Entry::over(int status, const std::string& reason) {
  if (state_ == State::ended) return;
  status_ = status;
  reason_ = reason;
  note_tracks();  // sound may have come late, or not at all
  linger_.clear();
  retry_.clear();
  become(State::ended);
  stream_.end(reason);
  directory_.remove(*this);
}

void StreamDirectory::Entry::hold() {
  ++holds_;
  linger_.clear();
  if (state_ == State::lingering) become(State::live);
}

void StreamDirectory::Entry::let_go() {
  if (holds_ > 0) --holds_;
  if (holds_ > 0 || keep_ || state_ == State::ended || !feed_ || !feed_->on_demand()) return;
  if (state_ == State::live) become(State::lingering);
  linger_.set(sip::Clock::now() + directory_.plane_.config().media.linger);
}

// ---- the directory ----

StreamDirectory::StreamDirectory(MediaPlane& plane, DeviceRegistry& registry,
                                 Signalling& signalling, Metrics& metrics)
    : plane_(plane),
      registry_(registry),
      signalling_(signalling),
      turn_(plane.io()),
      started_(metrics.counter("gbgate_streams_started_total", "Streams that were asked for")),
      failed_(metrics.counter("gbgate_streams_failed_total", "Streams that gave no picture")),
      resumed_(metrics.counter("gbgate_streams_resumed_total",
                               "Streams that went on after their source had been lost")) {
  signalling_.set_on_offline([this](const Device& device, const std::string& reason) {
    on_device_offline(device, reason);
  });
  gauges_.push_back(metrics.on_render(MetricKind::gauge, "gbgate_streams", "Streams running", {},
                                      [this] { return static_cast<double>(entries_.size()); }));
}

boost::asio::awaitable<OpenResult> StreamDirectory::open(std::string path, std::string) {
  return find_or_call(std::move(path), false, true);
}

boost::asio::awaitable<OpenResult> StreamDirectory::start(std::string path, bool keep) {
  return find_or_call(std::move(path), keep, false);
}

boost::asio::awaitable<OpenResult> StreamDirectory::find_or_call(std::string path, bool keep,
                                                                 bool describable) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  auto entry = find(path);
  if (!entry) {
    const auto resolved = resolve(path);
    entry = find(resolved.name);
    if (!entry && resolved.device) entry = add_camera(resolved);
    if (!entry) {
      OpenResult refused;
      refused.status = resolved.status == 200 ? 503 : resolved.status;
      refused.reason = resolved.reason.empty() ? fmt::format("media.max_streams ({}) is reached",
                                                             plane_.config().media.max_streams)
                                               : resolved.reason;
      co_return refused;
    }
  }
  if (keep) entry->keep_ = true;
  co_return co_await wait(std::move(entry), describable);
}

// The hold taken here keeps the source running while somebody waits for it.
boost::asio::awaitable<OpenResult> StreamDirectory::wait(std::shared_ptr<Entry> entry,
                                                         bool describable) {
  const auto hold = std::make_shared<Hold>(entry);
  const auto give_up = sip::Clock::now() + 45s;
  const auto enough = [&] {
    return entry->state() != State::starting || (describable && entry->stream().describable());
  };
  while (!enough() && sip::Clock::now() < give_up) {
    // A port of the node API may wait for its sender for ever; its viewers should not.
    if (!entry->feed()->on_demand() && entry->changed_.expiry() == sip::TimePoint::max())
      entry->changed_.expires_at(sip::Clock::now() + plane_.config().media.first_media_timeout);
    const auto [ec] =
        co_await entry->changed_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (!ec) break;
  }
  OpenResult result;
  if (entry->state() == State::ended) {
    result.status = entry->status();
    result.reason = entry->reason();
  } else if (!enough()) {
    entry->changed_.expires_at(sip::TimePoint::max());
    const auto* ingest = entry->feed()->ingest();
    result.status = 504;
    result.reason =
        fmt::format("{}: no picture at {}/{} yet, {} packets", entry->name(),
                    entry->feed()->source().local_address,
                    to_string(entry->feed()->source().transport), ingest ? ingest->packets() : 0);
  } else {
    result.hold = hold;
  }
  co_return result;
}

StreamDirectory::Resolved StreamDirectory::resolve(const std::string& path) {
  const auto slash = path.find('/');
  if (slash == std::string::npos) return resolve_channel(path);
  const auto channel = path.substr(slash + 1);
  if (channel.find('/') != std::string::npos) {
    Resolved none;
    none.status = 404;
    none.reason = fmt::format("{:?} is no <device>/<channel>", path);
    return none;
  }
  return resolve_device(path.substr(0, slash), channel);
}

StreamDirectory::Resolved StreamDirectory::resolve_channel(const std::string& channel_id) {
  auto devices = registry_.with_channel(channel_id);
  // A recorder that was replaced by another is still known, and off line.
  const auto offline = [](const Device* device) { return !device->session.online(); };
  if (!std::all_of(devices.begin(), devices.end(), offline)) std::erase_if(devices, offline);
  if (devices.size() == 1) return resolve_device(devices.front()->id(), channel_id);
  Resolved none;
  none.status = 404;
  none.reason =
      devices.empty()
          ? fmt::format("no device has a channel {}, and no stream has that name", channel_id)
          : fmt::format("{} devices have a channel {}: open <device>/{}", devices.size(),
                        channel_id, channel_id);
  return none;
}

StreamDirectory::Resolved StreamDirectory::resolve_device(const std::string& device_id,
                                                          const std::string& channel_id) {
  Resolved resolved;
  resolved.name = device_id + "/" + channel_id;
  resolved.channel_id = channel_id;
  auto* device = registry_.find(device_id);
  if (!device) {
    resolved.status = 404;
    resolved.reason = fmt::format("device {} has never registered", device_id);
  } else if (device->catalog_complete && device->channels.size() > 0 && channel_id != device_id &&
             !device->channels.find(channel_id)) {
    resolved.status = 404;
    resolved.reason = fmt::format("device {} has no channel {}: its catalog lists {}", device_id,
                                  channel_id, device->channels.size());
  } else if (!device->session.online()) {
    resolved.status = 503;
    resolved.reason = fmt::format("device {} is off line: {}", device_id, device->offline_reason);
  } else {
    resolved.device = device;
  }
  return resolved;
}

std::shared_ptr<StreamDirectory::Entry> StreamDirectory::add_camera(const Resolved& resolved) {
  if (entries_.size() >= plane_.config().media.max_streams) return nullptr;
  started_.add();
  auto entry = std::make_shared<Entry>(*this, resolved.name);
  entry->stream_.remember(remembered_.find(resolved.name));
  FeedUser& user = *entry;
  entry->feed_ = std::make_unique<CameraFeed>(signalling_, plane_, *resolved.device,
                                              resolved.channel_id, entry->stream_, user);
  entries_.emplace(resolved.name, entry);
  entry->feed_->start();
  return entry;
}

// Null while the device is off line.
std::unique_ptr<Feed> StreamDirectory::call_again(Entry& entry) {
  const auto source = entry.feed()->source();
  auto* device = registry_.find(source.device_id);
  if (!device || !device->session.online()) return nullptr;
  log::info("media", "calls again device={} channel={}: {}", source.device_id, source.channel_id,
            entry.reason());
  FeedUser& user = entry;
  return std::make_unique<CameraFeed>(signalling_, plane_, *device, source.channel_id,
                                      entry.stream(), user);
}

StreamDirectory::Added StreamDirectory::add_ingest(const http::IngestRequest& request,
                                                   const std::string& host) {
  if (entries_.contains(request.name))
    return {nullptr, 409, fmt::format("a stream {} is there already", request.name)};
  if (entries_.size() >= plane_.config().media.max_streams)
    return {nullptr, 503,
            fmt::format("media.max_streams ({}) is reached", plane_.config().media.max_streams)};
  auto entry = std::make_shared<Entry>(*this, request.name);
  FeedUser& user = *entry;
  auto feed = std::make_unique<NodeFeed>(plane_, request, host, entry->stream_, user);
  if (auto error = feed->open(); !error.empty()) return {nullptr, 503, std::move(error)};
  entry->feed_ = std::move(feed);
  entries_.emplace(request.name, entry);
  started_.add();
  return {entry, 200, {}};
}

std::shared_ptr<StreamDirectory::Entry> StreamDirectory::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<StreamDirectory::Entry>> StreamDirectory::all() const {
  std::vector<std::shared_ptr<Entry>> all;
  for (const auto& [name, entry] : entries_) all.push_back(entry);
  return all;
}

bool StreamDirectory::stop(const std::string& name, const std::string& reason) {
  const auto entry = find(name);
  if (!entry) return false;
  entry->stop(reason);
  return true;
}

void StreamDirectory::stop_all(const std::string& reason) {
  for (const auto& entry : all()) entry->stop(reason);
}

// The feed called us: it is destroyed when its call has returned.
void StreamDirectory::remove(Entry& entry) {
  boost::asio::post(plane_.io(), [kept = entry.shared_from_this()] {});
  entries_.erase(entry.name());
}

void StreamDirectory::on_device_offline(const Device& device, const std::string& reason) {
  for (const auto& entry : all()) {
    if (entry->feed()->source().device_id != device.id()) continue;
    const auto why = fmt::format("device {} is off line: {}", device.id(), reason);
    if (auto* camera = dynamic_cast<CameraFeed*>(entry->feed_.get())) camera->lose(why);
  }
}

}  // namespace gateway

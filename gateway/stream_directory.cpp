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
      stream_(std::move(name), directory.plane_.stream_limits(), &directory.plane_.shard().turn()),
      linger_(directory.plane_.shard().clock(),
              [this](sip::TimePoint) {
                if (holds_ == 0 && !keep_) stop("nobody watches");
              }),
      retry_(directory.plane_.shard().clock(), [this](sip::TimePoint now) { try_again(now); }),
      changed_(directory.plane_.shard().io(), sip::TimePoint::max()) {
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
  directory_.find_again(*this);
}

void StreamDirectory::Entry::call_again(const ResolvedPath& resolved) {
  if (state_ != State::resuming || !silent_) return;                   // stopped meanwhile
  if (!resolved.target) return retry_.set(sip::Clock::now() + 500ms);  // still off line
  log::info("media", "calls again device={} channel={}: {}", resolved.target->device_id,
            resolved.target->channel_id, reason_);
  FeedUser& user = *this;
  feed_ = std::make_unique<CameraFeed>(directory_.cameras_, directory_.plane_, *resolved.target,
                                       stream_, user);
  silent_ = false;
  feed_->start();
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

StreamDirectory::StreamDirectory(MediaPlane& plane, Cameras& cameras, StreamHomes& homes,
                                 RememberedTracks& remembered, Metrics& metrics)
    : plane_(plane),
      cameras_(cameras),
      homes_(homes),
      remembered_(remembered),
      started_(metrics.counter("gbgate_streams_started_total", "Streams that were asked for")),
      failed_(metrics.counter("gbgate_streams_failed_total", "Streams that gave no picture")),
      resumed_(metrics.counter("gbgate_streams_resumed_total",
                               "Streams that went on after their source had been lost")) {
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
    const auto location = co_await locate(path);
    OpenResult no_entry;
    if (location.shard != plane_.shard().index()) {
      no_entry.elsewhere = location.shard;
      co_return no_entry;
    }
    entry = find(location.path.name);
    if (!entry && location.path.target) entry = add_camera(location.path);
    if (!entry) {
      no_entry.elsewhere = homes_.find(location.path.name);  // since a moment ago
      no_entry.status = location.path.status == 200 ? 503 : location.path.status;
      no_entry.reason =
          location.path.reason.empty()
              ? fmt::format("media.max_streams ({}) is reached", plane_.config().media.max_streams)
              : location.path.reason;
      co_return no_entry;
    }
  }
  if (keep) entry->keep_ = true;
  co_return co_await wait(std::move(entry), describable);
}

boost::asio::awaitable<StreamDirectory::Location> StreamDirectory::locate(std::string path) {
  Location location{plane_.shard().index(), {}};
  location.path.name = path;
  if (const auto home = homes_.find(path)) {
    location.shard = *home;
    co_return location;
  }
  auto resolve = [&cameras = cameras_, path] { return cameras.resolve(path); };
  location.path = co_await cameras_.shard().ask(resolve);
  if (const auto home = homes_.find(location.path.name)) {
    location.shard = *home;
  } else if (location.path.target) {
    const bool on_first = plane_.shares_port(plane_.config().media.transport);
    location.shard =
        homes_.place(location.path.name, on_first ? std::optional(0u) : std::optional<unsigned>());
  }
  co_return location;
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

std::shared_ptr<StreamDirectory::Entry> StreamDirectory::add_camera(const ResolvedPath& resolved) {
  if (homes_.begin(resolved.name, plane_.shard().index()) != StreamHomes::Begun::yes)
    return nullptr;
  started_.add();
  auto entry = std::make_shared<Entry>(*this, resolved.name);
  entry->stream_.remember(remembered_.find(resolved.name));
  FeedUser& user = *entry;
  entry->feed_ =
      std::make_unique<CameraFeed>(cameras_, plane_, *resolved.target, entry->stream_, user);
  entries_.emplace(resolved.name, entry);
  entry->feed_->start();
  return entry;
}

// The device may be elsewhere by now, or off line.
void StreamDirectory::find_again(Entry& entry) {
  const auto source = entry.feed()->source();
  auto& shard = plane_.shard();
  auto find = [&cameras = cameras_, &shard, source, lost = entry.weak_from_this()] {
    auto tell = [lost, resolved = cameras.resolve(source.device_id, source.channel_id)] {
      if (const auto found = lost.lock()) found->call_again(resolved);
    };
    shard.call(std::move(tell));
  };
  cameras_.shard().call(std::move(find));
}

StreamDirectory::Added StreamDirectory::add_ingest(const http::IngestRequest& request,
                                                   const std::string& host) {
  switch (homes_.begin(request.name, plane_.shard().index())) {
    case StreamHomes::Begun::elsewhere:
      return {nullptr, 409, fmt::format("a stream {} is there already", request.name)};
    case StreamHomes::Begun::full:
      return {nullptr, 503,
              fmt::format("media.max_streams ({}) is reached", plane_.config().media.max_streams)};
    case StreamHomes::Begun::yes:
      break;
  }
  auto entry = std::make_shared<Entry>(*this, request.name);
  FeedUser& user = *entry;
  auto feed = std::make_unique<NodeFeed>(plane_, request, host, entry->stream_, user);
  if (auto error = feed->open(); !error.empty()) {
    homes_.end(request.name);
    return {nullptr, 503, std::move(error)};
  }
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
  boost::asio::post(plane_.shard().io(), [kept = entry.shared_from_this()] {});
  entries_.erase(entry.name());
  homes_.end(entry.name());
}

void StreamDirectory::on_device_offline(const std::string& device_id, const std::string& reason) {
  for (const auto& entry : all()) {
    if (entry->feed()->source().device_id != device_id) continue;
    const auto why = fmt::format("device {} is off line: {}", device_id, reason);
    if (auto* camera = dynamic_cast<CameraFeed*>(entry->feed_.get())) camera->lose(why);
  }
}

}  // namespace gateway

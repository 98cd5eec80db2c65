// The streams of a shard by name: started when somebody opens one, ended when nobody has held it
// for a while. Shell; one thread, that of the shard.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/camera_feed.hpp"
#include "gateway/cameras.hpp"
#include "gateway/media_plane.hpp"
#include "gateway/node_feed.hpp"
#include "gateway/remembered_tracks.hpp"
#include "gateway/stream_homes.hpp"
#include "gateway/stream_source.hpp"

namespace gateway {

class StreamDirectory final : public StreamSource {
 public:
  // resuming: the source was lost while somebody watches, and is called again.
  enum class State { starting, live, lingering, resuming, ended };

  // One stream and what fills it. Lives until the last hold on it is gone, also when it is over.
  class Entry final : public std::enable_shared_from_this<Entry>, private FeedUser, private Viewer {
   public:
    Entry(StreamDirectory& directory, std::string name);
    ~Entry() override;

    const std::string& name() const { return stream_.name(); }
    Stream& stream() { return stream_; }
    const Stream& stream() const { return stream_; }
    const Feed* feed() const { return feed_.get(); }
    State state() const { return state_; }
    std::size_t holds() const { return holds_; }
    const std::optional<WallTime>& since() const { return since_; }
    const std::string& reason() const { return reason_; }
    int status() const { return status_; }

   private:
    friend class StreamDirectory;
    friend class Hold;  // counts itself
    void on_feed_failed(int status, const std::string& reason) override;
    void on_feed_ended(const std::string& reason) override;
    void on_packets() override;  // until the stream is ready
    void on_end(const std::string&) override {}
    void become(State state);
    void over(int status, const std::string& reason);
    void hold();
    void let_go();
    void note_tracks();
    void stop(const std::string& reason);
    bool resume(const std::string& reason);
    void try_again(sip::TimePoint now);
    void call_again(const ResolvedPath& resolved);

    StreamDirectory& directory_;
    Stream stream_;
    std::unique_ptr<Feed> feed_;
    State state_ = State::starting;
    int status_ = 200;
    std::string reason_;
    std::optional<WallTime> since_;
    std::size_t holds_ = 0;
    bool keep_ = false;  // runs without viewers until it is stopped
    Alarm linger_, retry_;
    sip::TimePoint resume_until_{};
    bool silent_ = false;                // lost, and not called again yet: what comes is of before
    boost::asio::steady_timer changed_;  // cancelled at each change: wakes who waits
  };

  // The references must outlive it.
  StreamDirectory(MediaPlane& plane, Cameras& cameras, StreamHomes& homes,
                  RememberedTracks& remembered, Metrics& metrics);

  // `path`: "<device>/<channel>", "<channel>" where one device alone has it, or an ingest's name.
  boost::asio::awaitable<OpenResult> open(std::string path, std::string query) override;
  // The same, but waits until there is media, also for a camera that is known; to run without
  // viewers until it is stopped, when `keep`. On the stream's shard only, see locate().
  boost::asio::awaitable<OpenResult> start(std::string path, bool keep);

  struct Location {
    unsigned shard = 0;
    ResolvedPath path;
  };
  // Where a stream is, or where it is to be started.
  boost::asio::awaitable<Location> locate(std::string path);

  std::shared_ptr<Entry> find(const std::string& name) const;
  std::vector<std::shared_ptr<Entry>> all() const;  // by name
  // False when there is none.
  bool stop(const std::string& name, const std::string& reason);
  void stop_all(const std::string& reason);

  struct Added {
    std::shared_ptr<Entry> entry;  // null: `status` and `reason` say why
    int status = 200;
    std::string reason;
  };
  Added add_ingest(const http::IngestRequest& request, const std::string& host);
  void on_device_offline(const std::string& device_id, const std::string& reason);

 private:
  std::shared_ptr<Entry> add_camera(const ResolvedPath& resolved);
  void find_again(Entry& entry);
  boost::asio::awaitable<OpenResult> find_or_call(std::string path, bool keep, bool describable);
  boost::asio::awaitable<OpenResult> wait(std::shared_ptr<Entry> entry, bool describable);
  void remove(Entry& entry);

  MediaPlane& plane_;
  Cameras& cameras_;
  StreamHomes& homes_;
  RememberedTracks& remembered_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  Counter& started_;
  Counter& failed_;
  Counter& resumed_;
  std::vector<Metrics::Callback> gauges_;
};

}  // namespace gateway

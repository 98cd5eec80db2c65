// Media that somebody else has called for: a port of the media node API, open until it is deleted.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/feed.hpp"
#include "gateway/http/backend.hpp"
#include "gateway/media_plane.hpp"

namespace gateway {

class NodeFeed final : public Feed, private IngestUser {
 public:
  NodeFeed(MediaPlane& plane, http::IngestRequest request, std::string host, Stream& stream,
           FeedUser& user);
  ~NodeFeed() override;

  // Opens the port; the error says why it cannot.
  std::string open();
  void start() override {}
  void stop(const std::string& reason) override;
  bool on_demand() const override { return false; }
  Source source() const override;
  const Ingest* ingest() const override { return ingest_.get(); }

  const http::IngestRequest& request() const { return request_; }
  const std::string& host() const { return host_; }
  std::uint16_t port() const { return ingest_ ? ingest_->port() : std::uint16_t{0}; }
  bool live() const { return ingest_ && ingest_->packets() > 0; }

 private:
  void on_first_media() override;
  void on_media_closed(const std::string& reason) override;

  MediaPlane& plane_;
  http::IngestRequest request_;
  std::string host_;
  Stream& stream_;
  FeedUser& user_;
  std::optional<std::uint32_t> own_ssrc_;  // allocated, because the request named none
  std::unique_ptr<Ingest> ingest_;
  bool over_ = false;
  Alarm tick_;
};

}  // namespace gateway

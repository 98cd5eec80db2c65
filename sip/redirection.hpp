// The client's side of 3xx (RFC 3261 8.1.3.4): which contacts are tried, in which order, and when
// it is enough. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message.hpp"

namespace sip {

class Redirection {
 public:
  // `at_most` contacts are tried.
  Redirection() = default;
  explicit Redirection(unsigned at_most) : left_(at_most) {}

  bool enabled() const { return left_ > 0; }
  bool began() const { return began_; }
  // The Request-URI that we called first must not come again either.
  void start(std::string_view uri) { seen_.emplace_back(uri); }
  // The contacts of a 3xx join those that are left.
  void on_response(const MessageView& response);
  // The best that is left: highest q, among equals the first that was named.
  std::optional<std::string> next();

 private:
  struct Target {
    std::string uri;
    int q;
  };
  bool seen(std::string_view uri) const;

  static constexpr std::size_t most_seen = 64;
  std::vector<Target> targets_;    // sorted by q, best first
  std::vector<std::string> seen_;  // tried, or waiting
  unsigned left_ = 0;
  bool began_ = false;
};

}  // namespace sip

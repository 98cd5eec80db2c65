// The request target of HTTP: path and query, RFC 3986. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway::http {

struct Target {
  std::string path;  // raw, with its leading slash; segments are decoded after they are cut
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in their order
};

// Origin form only ("/a/b?x=1"). Empty when a percent sign is not followed by two hex digits, a
// decoded NUL shows up, or there are more than 64 parameters.
std::optional<Target> parse_target(std::string_view target);

// "%E4%B8%AD" -> its bytes; with `plus_is_space` as in a query.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// As part of a path; slashes stay, all but unreserved characters are written %XX.
std::string percent_encode_path(std::string_view text);

// "10.0.0.5:8080" -> "10.0.0.5", "[::1]:8080" -> "[::1]"; empty when it is no host.
std::string host_part(std::string_view host_header);

// "rtsp://127.0.0.1:8554/x" with another host; unchanged when `host` is empty.
std::string with_host(std::string_view url, std::string_view host);

}  // namespace gateway::http

#include "gateway/rtsp/target.hpp"

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

constexpr std::string_view track_name = "trackID=";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Empty when an escape is broken or yields a control character.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return {};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ') return {};
    out += c;
  }
  return out;
}

void strip_slashes(std::string_view& text) {
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
}

// Takes "/trackID=N" off the end.
void strip_track(std::string_view& text, std::optional<unsigned>& track) {
  const auto slash = text.rfind('/');
  const auto last = text.substr(slash == std::string_view::npos ? 0 : slash + 1);
  if (!istarts_with(last, track_name)) return;
  const auto number = parse_number<unsigned>(last.substr(track_name.size()));
  if (!number) return;
  track = number;
  text = text.substr(0, slash == std::string_view::npos ? 0 : slash);
}

// Takes scheme and authority off the front. False when the scheme is not RTSP's.
bool take_origin(std::string_view& uri, std::string& origin) {
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos) return uri.starts_with('/');
  const auto name = uri.substr(0, scheme);
  if (!iequals(name, "rtsp") && !iequals(name, "rtsps") && !iequals(name, "rtspu")) return false;
  const auto end = std::min(uri.find_first_of("/?", scheme + 3), uri.size());
  // A user and password in the URL are no part of the address, and must not come back to the wire.
  auto authority = uri.substr(scheme + 3, end - scheme - 3);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  if (authority.empty()) return false;
  origin = std::string(name) + "://" + std::string(authority);
  uri.remove_prefix(end);
  return true;
}

}  // namespace

std::optional<Target> parse_target(std::string_view uri) {
  Target target;
  if (uri == "*") {
    target.server = true;
    return target;
  }
  if (!take_origin(uri, target.origin)) return {};
  const auto mark = uri.find('?');
  auto path = uri.substr(0, mark);
  auto query = mark == std::string_view::npos ? std::string_view{} : uri.substr(mark + 1);
  strip_slashes(query);
  strip_track(query, target.track);
  strip_slashes(query);
  strip_slashes(path);
  if (!target.track) strip_track(path, target.track);
  strip_slashes(path);
  target.raw_path = path;
  target.query = query;
  target.server = path.empty() && !target.track;
  if (!path.empty()) path.remove_prefix(1);
  const auto decoded = percent_decode(path);
  if (!decoded) return {};
  target.path = *decoded;
  if (istarts_with(target.path, "stream="))
    target.stream_id = parse_number<unsigned>(std::string_view(target.path).substr(7));
  return target;
}

std::string Target::presentation_url() const {
  return origin + raw_path + (query.empty() ? "" : "?" + query);
}

std::string Target::track_url(unsigned number) const {
  return origin + raw_path + '/' + std::string(track_name) + std::to_string(number) +
         (query.empty() ? "" : "?" + query);
}

}  // namespace gateway::rtsp

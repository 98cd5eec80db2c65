#include "gateway/http/json.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <charconv>

namespace gateway::http {
namespace {

constexpr std::size_t max_page = 1000;
constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes a lead byte announces, and the smallest code point they may spell; RFC 3629.
struct Utf8Form {
  std::size_t size;
  char32_t smallest;
};

Utf8Form form_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, 0x10000};
  return {0, 0};
}

// The number of bytes of the valid character at the front; 0 when there is none.
std::size_t utf8_character(std::string_view bytes) {
  const Utf8Form form = form_of(static_cast<unsigned char>(bytes[0]));
  if (form.size <= 1) return form.size;
  if (bytes.size() < form.size) return 0;
  char32_t code = static_cast<unsigned char>(bytes[0]) & (0xFFU >> (form.size + 1));
  for (std::size_t i = 1; i < form.size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if ((byte & 0xC0U) != 0x80) return 0;
    code = (code << 6U) | (byte & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < form.smallest || code > 0x10FFFF || surrogate ? 0 : form.size;
}

Refusal bad_request(std::string detail) {
  return {400, "bad_request", std::move(detail)};
}

Reply<std::size_t> read_number(const Request& request, std::string_view name, std::size_t otherwise,
                               std::size_t min, std::size_t max) {
  const std::string* word = request.query(name);
  if (!word) return otherwise;
  std::size_t number = 0;
  auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), number);
  if (error != std::errc() || end != word->data() + word->size() || number < min || number > max)
    return bad_request(
        fmt::format("query parameter {} must be a number from {} to {}", name, min, max));
  return number;
}

bool is_listed(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(first.size() == words.size() ? first.size() : first.size() + 1);
  }
  return false;
}

}  // namespace

json::string text(std::string_view bytes) {
  json::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = utf8_character(bytes);
    out.append(size > 0 ? bytes.substr(0, size) : replacement);
    bytes.remove_prefix(size > 0 ? size : 1);
  }
  return out;
}

json::string url(std::string_view from_backend, const Request& request) {
  return text(with_host(from_backend, request.rtsp_host));
}

std::string rfc3339(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

json::value time_or_null(const std::optional<WallTime>& time) {
  return time ? json::value(rfc3339(*time)) : json::value(nullptr);
}

Response json_response(const json::value& value, int status) {
  Response response;
  response.status = status;
  response.body = json::serialize(value);
  response.body += '\n';
  return response;
}

Response no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

Response refuse(const Refusal& refusal) {
  json::object error{{"status", refusal.status},
                     {"reason", text(refusal.reason)},
                     {"detail", text(refusal.detail)}};
  return json_response(json::object{{"error", std::move(error)}}, refusal.status);
}

Reply<Paging> read_paging(const Request& request) {
  Paging paging;
  auto offset = read_number(request, "offset", 0, 0, 1'000'000'000);
  if (!offset) return offset.error();
  auto limit = read_number(request, "limit", paging.limit, 1, max_page);
  if (!limit) return limit.error();
  paging.offset = *offset;
  paging.limit = *limit;
  return paging;
}

Reply<std::optional<bool>> read_flag(const Request& request, std::string_view name) {
  const std::string* word = request.query(name);
  if (!word) return std::optional<bool>();
  if (*word == "true") return std::optional<bool>(true);
  if (*word == "false") return std::optional<bool>(false);
  return bad_request(fmt::format("query parameter {} must be true or false", name));
}

std::string read_text(const Request& request, std::string_view name) {
  const std::string* word = request.query(name);
  return word ? *word : std::string();
}

Reply<json::object> read_object(const Request& request, std::string_view known) {
  boost::json::error_code error;
  json::stream_parser parser;
  const std::size_t read = parser.write_some(request.body, error);
  if (!error) parser.finish(error);
  if (error || read < request.body.size())
    return bad_request(fmt::format("the body is not JSON at byte {}: {}", read,
                                   error ? error.message() : "extra data"));
  json::value value = parser.release();
  if (!value.is_object()) return bad_request("the body must be a JSON object");
  for (const auto& member : value.get_object())
    if (!is_listed(known, member.key()))
      return bad_request(fmt::format("unknown member {:?}; known are: {}",
                                     std::string_view(text(member.key())), known));
  return std::move(value.get_object());
}

Reply<std::string> read_member(const json::object& object, std::string_view name, bool required) {
  const json::value* member = object.if_contains(name);
  if (!member) {
    if (required) return bad_request(fmt::format("{:?} is missing", name));
    return std::string();
  }
  if (!member->is_string()) return bad_request(fmt::format("{:?} must be text", name));
  return std::string(member->get_string());
}

}  // namespace gateway::http

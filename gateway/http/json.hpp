// JSON as the API writes and reads it. Everything that came from outside (names from devices) goes
// through text(), so that the answer is UTF-8 whatever a device sent.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/http/backend.hpp"
#include "gateway/http/router.hpp"

namespace gateway::http {

namespace json = boost::json;

// The same text with every byte that is not part of valid UTF-8 replaced by U+FFFD.
json::string text(std::string_view bytes);
// A URL of the backend's, as this client can use it.
json::string url(std::string_view from_backend, const Request& request);
// "2026-11-22T10:00:00.123Z"
std::string rfc3339(WallTime time);
json::value time_or_null(const std::optional<WallTime>& time);
template <class T>
json::value number_or_null(const std::optional<T>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

Response json_response(const json::value& value, int status = 200);
Response no_content();
// {"error":{"status":404,"reason":"not_found","detail":"..."}}
Response refuse(const Refusal& refusal);

template <class T, class ToJson>
Response page_response(const Page<T>& page, Paging paging, ToJson to_json) {
  json::array items;
  items.reserve(page.items.size());
  for (const T& item : page.items) items.push_back(to_json(item));
  json::object object{{"items", std::move(items)},
                      {"total", page.total},
                      {"offset", paging.offset},
                      {"limit", paging.limit}};
  return json_response(std::move(object));
}

// ?offset= and ?limit= (1 to 1000); 400 when they are not numbers.
Reply<Paging> read_paging(const Request& request);
// ?<name>=true|false; unset when absent, 400 otherwise.
Reply<std::optional<bool>> read_flag(const Request& request, std::string_view name);
// ?<name>=; empty when absent.
std::string read_text(const Request& request, std::string_view name);

// The body as an object all of whose members are in `known` (names separated by blanks); 400 with
// the place of a syntax error, or the name of an unknown member.
Reply<json::object> read_object(const Request& request, std::string_view known);
// A member that must be text if it is there; 400 when it is something else, or when it is missing
// and `required`.
Reply<std::string> read_member(const json::object& object, std::string_view name, bool required);

}  // namespace gateway::http
